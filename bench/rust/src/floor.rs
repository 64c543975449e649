//! The floor: bytes made in advance are written, and the reply is read up to ReadyForQuery. Nothing is decoded.
//!
//! The statement is prepared and its result asked for in binary, as a driver in its steady state does. With several
//! connections one thread serves them all through epoll, as an event loop would.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::authentication::{md5_hash, sasl};
use postgres_protocol::message::frontend;
use rustix::event::epoll;
use serde_json::Value;

use crate::requests::{Case, Kind, Server, sized};
use crate::{Driver, Failure, check_rows, shares, standing};

const READY_HEADER: [u8; 5] = [b'Z', 0, 0, 0, 5];

#[derive(Default)]
pub(crate) struct Floor {
    opened: Option<(Server, Case)>,
    links: Vec<Link>,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Driver for Floor {
    fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
        self.opened = Some((server.clone(), case.clone()));
        self.buffer = vec![0; 64 * 1024];
        self.request = request(case)?;
        for _ in 0..standing(case) {
            let link = self.prepared_link(server, case)?;
            self.links.push(link);
        }
        if case.kind == Kind::Query {
            return Ok(());
        }
        self.links.drain(..).try_for_each(Link::terminate)
    }

    fn run(&mut self, ops: u64) -> Result<(), Failure> {
        let (server, case) = self.opened.clone().ok_or("no case is open")?;
        match case.kind {
            Kind::Query if self.links.len() > 1 => self.multiplex(ops),
            Kind::Query => {
                (0..ops).try_for_each(|_| self.links[0].exchange(&self.request, &mut self.buffer))
            }
            Kind::Connect => (0..ops).try_for_each(|_| Link::connect(&server)?.terminate()),
            Kind::Idle => (0..ops).try_for_each(|_| {
                let link = self.prepared_link(&server, &case)?;
                self.links.push(link);
                Ok(())
            }),
            _ => Err("the floor has no part in it".into()),
        }
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.opened = None;
        self.links.drain(..).try_for_each(Link::terminate)
    }
}

impl Floor {
    fn prepared_link(&self, server: &Server, case: &Case) -> Result<Link, Failure> {
        let mut link = Link::connect(server)?;
        let mut parse = BytesMut::new();
        frontend::parse("s", &case.numbered, [], &mut parse)?;
        frontend::sync(&mut parse);
        link.ask(&parse)?;
        let first = link.ask(&self.request)?;
        check_rows(case, first.rows)?;
        link.reply = first.bytes;
        Ok(link)
    }

    /// One statement under way on every connection, until `ops` of them are answered.
    fn multiplex(&mut self, ops: u64) -> Result<(), Failure> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut left: Vec<u64> = shares(ops, self.links.len()).collect();
        let mut missing: Vec<usize> = Vec::new();
        for (i, link) in self.links.iter_mut().enumerate() {
            epoll::add(
                &poll,
                &link.stream,
                epoll::EventData::new_u64(i as u64),
                epoll::EventFlags::IN,
            )?;
            if left[i] > 0 {
                link.stream.write_all(&self.request)?;
            }
            missing.push(link.reply);
        }
        let mut events = Vec::with_capacity(self.links.len());
        while left.iter().any(|&n| n > 0) {
            epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
            for event in events.drain(..) {
                let i = usize::try_from(event.data.u64())?;
                let link = &mut self.links[i];
                missing[i] = link.receive(missing[i], &mut self.buffer)?;
                if missing[i] > 0 {
                    continue;
                }
                missing[i] = link.reply;
                left[i] -= 1;
                if left[i] > 0 {
                    link.stream.write_all(&self.request)?;
                }
            }
        }
        Ok(())
    }
}

pub(crate) struct Link {
    stream: TcpStream,
    /// Length of the reply, learned once: the loop counts bytes instead of looking at messages.
    reply: usize,
}

pub(crate) struct Answer {
    pub(crate) bytes: usize,
    pub(crate) rows: usize,
}

impl Link {
    pub(crate) fn connect(server: &Server) -> Result<Self, Failure> {
        let stream = TcpStream::connect((server.host.as_str(), server.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut link = Self { stream, reply: 0 };
        let mut hello = BytesMut::new();
        let parameters = [
            ("user", &*server.user),
            ("database", &*server.dbname),
            ("client_encoding", "UTF8"),
        ];
        frontend::startup_message(parameters, &mut hello)?;
        link.stream.write_all(&hello)?;
        link.authenticate(server)?;
        link.answer()?;
        Ok(link)
    }

    fn authenticate(&mut self, server: &Server) -> Result<(), Failure> {
        let password = server.password.as_deref().unwrap_or_default().as_bytes();
        let mut scram = None;
        loop {
            let (tag, body) = self.message()?;
            if tag != b'R' || body.len() < 4 {
                return Err(
                    format!("expected an Authentication message, got {:?}", tag as char).into(),
                );
            }
            let (code, data) = body.split_at(4);
            let mut out = BytesMut::new();
            match code[3] {
                0 => return Ok(()),
                3 => frontend::password_message(password, &mut out)?,
                5 => {
                    let hash = md5_hash(server.user.as_bytes(), password, data.try_into()?);
                    frontend::password_message(hash.as_bytes(), &mut out)?;
                }
                10 => {
                    let exchange =
                        sasl::ScramSha256::new(password, sasl::ChannelBinding::unsupported());
                    frontend::sasl_initial_response(
                        sasl::SCRAM_SHA_256,
                        exchange.message(),
                        &mut out,
                    )?;
                    scram = Some(exchange);
                }
                11 => {
                    let exchange = scram.as_mut().ok_or("SASLContinue before SASL")?;
                    exchange.update(data)?;
                    frontend::sasl_response(exchange.message(), &mut out)?;
                }
                12 => scram
                    .as_mut()
                    .ok_or("SASLFinal before SASL")?
                    .finish(data)?,
                other => {
                    return Err(format!("authentication method {other} is not supported").into());
                }
            }
            self.stream.write_all(&out)?;
        }
    }

    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        self.stream.write_all(request)?;
        self.answer()
    }

    /// Reads message by message up to ReadyForQuery; outside the measured loop only.
    fn answer(&mut self) -> Result<Answer, Failure> {
        let mut answer = Answer { bytes: 0, rows: 0 };
        loop {
            let (tag, body) = self.message()?;
            answer.bytes += 5 + body.len();
            match tag {
                b'Z' => return Ok(answer),
                b'D' => answer.rows += 1,
                b'E' => return Err(String::from_utf8_lossy(&body).replace('\0', " ").into()),
                _ => (),
            }
        }
    }

    fn message(&mut self) -> Result<(u8, Vec<u8>), Failure> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header)?;
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        let mut body = vec![
            0;
            usize::try_from(length)?
                .checked_sub(4)
                .ok_or("a frame below 4 bytes")?
        ];
        self.stream.read_exact(&mut body)?;
        Ok((header[0], body))
    }

    /// The measured operation: one write, then as many reads as the reply takes.
    fn exchange(&mut self, request: &[u8], buffer: &mut [u8]) -> Result<(), Failure> {
        self.stream.write_all(request)?;
        let mut missing = self.reply;
        while missing > 0 {
            missing = self.receive(missing, buffer)?;
        }
        Ok(())
    }

    /// Writes a request, and then what is received into a file, messages and all, until `missing` bytes have come.
    pub(crate) fn save(
        &mut self,
        request: &[u8],
        mut missing: usize,
        buffer: &mut [u8],
        file: &mut File,
    ) -> Result<(), Failure> {
        self.stream.write_all(request)?;
        while missing > 0 {
            let left = self.receive(missing, buffer)?;
            file.write_all(&buffer[..missing - left])?;
            missing = left;
        }
        Ok(())
    }

    /// Reads once; gives how many bytes are still missing.
    fn receive(&mut self, missing: usize, buffer: &mut [u8]) -> Result<usize, Failure> {
        let got = self.stream.read(buffer)?;
        let left = missing
            .checked_sub(got)
            .ok_or("the reply is longer than the first one")?;
        if got == 0 {
            return Err("the server closed the connection".into());
        }
        if left == 0 && got >= 6 && buffer[got - 6..got - 1] != READY_HEADER {
            return Err("the reply does not end with ReadyForQuery".into());
        }
        Ok(left)
    }

    pub(crate) fn terminate(mut self) -> Result<(), Failure> {
        let mut out = BytesMut::new();
        frontend::terminate(&mut out);
        Ok(self.stream.write_all(&out)?)
    }
}

/// Bind, Execute and Sync of the statement `s`: parameters in text, results in binary.
fn request(case: &Case) -> Result<Vec<u8>, Failure> {
    let mut out = BytesMut::new();
    let values = case.params.iter().map(text);
    frontend::bind("", "s", [0], values, write_text, [1], &mut out)
        .map_err(|_| "the parameters do not fit a Bind message")?;
    frontend::execute("", 0, &mut out)?;
    frontend::sync(&mut out);
    Ok(out.to_vec())
}

fn write_text(value: Option<String>, out: &mut BytesMut) -> Result<IsNull, Failure> {
    let Some(value) = value else {
        return Ok(IsNull::Yes);
    };
    out.extend_from_slice(value.as_bytes());
    Ok(IsNull::No)
}

/// PostgreSQL's text form of a parameter; arrays are of plain elements only.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|v| text(v).unwrap_or_else(|| "NULL".into()))
                .collect();
            Some(format!("{{{}}}", items.join(",")))
        }
        Value::Object(_) => sized(value).and_then(|bytes| String::from_utf8(bytes).ok()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_have_postgres_text_form() {
        assert_eq!(text(&json!([1, null, 3])).as_deref(), Some("{1,NULL,3}"));
        assert_eq!(text(&json!("a b")).as_deref(), Some("a b"));
        assert_eq!(text(&json!(true)).as_deref(), Some("true"));
        assert_eq!(text(&Value::Null), None);
    }

    #[test]
    fn a_request_is_bind_execute_sync() {
        let case = json!({"name": "x", "kind": "query", "numbered": "select $1", "params": [7], "rows": 1,
                          "connections": 1});
        let bytes = request(&serde_json::from_value(case).unwrap()).unwrap();
        let (bind, rest) = bytes.split_at(1 + usize::from(bytes[4]));
        assert_eq!(
            bind,
            b"B\0\0\0\x16\0s\0\0\x01\0\0\0\x01\0\0\0\x017\0\x01\0\x01"
        );
        assert_eq!(rest, b"E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04");
    }
}
