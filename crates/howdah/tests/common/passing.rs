//! What stands before the real server and ends TLS.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustls::ServerConnection;

use super::tcp_dsn;

/// A connection to the real server.
pub(crate) fn upstream() -> TcpStream {
    let dsn = tcp_dsn();
    let port = dsn
        .split(' ')
        .find_map(|word| word.strip_prefix("port="))
        .unwrap();
    TcpStream::connect(format!("127.0.0.1:{port}")).unwrap()
}

/// Moves bytes both ways until one side ends.
pub(crate) fn pass_on(
    mut client: TcpStream,
    mut tls: ServerConnection,
    step: usize,
) -> std::io::Result<()> {
    let mut server = upstream();
    client.set_nodelay(true)?;
    client.set_nonblocking(true)?;
    server.set_nonblocking(true)?;
    let mut buffer = vec![0; 65_536];
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    loop {
        let mut moved = false;
        if to_server.len() < 1_000_000 {
            match client.read(&mut buffer[..step]) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    moved = true;
                    let mut bytes = &buffer[..count];
                    while !bytes.is_empty() {
                        tls.read_tls(&mut bytes)?;
                        tls.process_new_packets().map_err(std::io::Error::other)?;
                        let mut plain = vec![0; 20_000];
                        while let Ok(count) = tls.reader().read(&mut plain) {
                            if count == 0 {
                                break;
                            }
                            to_server.extend_from_slice(&plain[..count]);
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if to_client.len() < 1_000_000 {
            match server.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    moved = true;
                    tls.writer().write_all(&buffer[..count])?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        while tls.wants_write() {
            tls.write_tls(&mut to_client)?;
        }
        moved |= send(&mut server, &mut to_server, 65_536)?;
        moved |= send(&mut client, &mut to_client, step)?;
        if !moved {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn send(socket: &mut TcpStream, bytes: &mut Vec<u8>, step: usize) -> std::io::Result<bool> {
    if bytes.is_empty() {
        return Ok(false);
    }
    match socket.write(&bytes[..bytes.len().min(step)]) {
        Ok(count) => {
            bytes.drain(..count);
            Ok(count > 0)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}
