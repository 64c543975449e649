//! The files that the options about TLS name, whatever is in them: they are used, or there is an error that says why not.

use std::fs;

use howdah_protocol::connection::Error;

use super::converse::{
    Client, Server, config, converse, folder, own_certificate, server_config, write,
};

/// The first byte chooses which file the rest is.
pub(super) fn certificates(data: &[u8]) {
    let [choice, content @ ..] = data else {
        return;
    };
    let folder = folder();
    let path = |name: &str| folder.join(name).to_str().expect("a path").to_owned();
    let (root, certificate, key) = (path("server.crt"), path("server.crt"), path("server.key"));
    let (file, lists) = (path("file"), path("lists"));
    fs::create_dir_all(&lists).expect("a folder");
    write(file.as_ref(), content);
    write(&folder.join("lists/0123abcd.r0"), content);
    let verify = ("sslmode", "verify-full");
    let require = ("sslmode", "require");
    let options = match choice % 6 {
        0 => vec![verify, ("sslrootcert", &*file)],
        1 => vec![require, ("sslcert", &file), ("sslkey", &key)],
        2 => vec![require, ("sslcert", &certificate), ("sslkey", &file)],
        3 => vec![
            require,
            ("sslcert", &certificate),
            ("sslkey", &file),
            ("sslpassword", "sesame"),
        ],
        4 => vec![verify, ("sslrootcert", &root), ("sslcrl", &file)],
        _ => vec![verify, ("sslrootcert", &root), ("sslcrldir", &lists)],
    };
    let direct = ("sslnegotiation", "direct");
    let mut client = Client::new(&config(&[&options[..], &[direct]].concat()));
    if client.error.is_none() {
        talk(&mut client);
    }
    let is_encrypted = client.is_encrypted();
    let error = client.end();
    assert!(is_encrypted || matches!(error, Error::Encryption(error) if error.is_in_handshake()));
}

/// With the server that is right, unless the files say otherwise.
fn talk(client: &mut Client) {
    let config = server_config(own_certificate(), rustls::ALL_VERSIONS);
    let mut server = Server::new(config, true, b"");
    converse(client, &mut server, usize::MAX, |bytes| bytes);
}
