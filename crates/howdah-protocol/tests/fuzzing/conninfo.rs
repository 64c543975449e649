//! Connection strings: what is parsed is written and parsed again, and is the same; what it means can be made out.

use howdah_protocol::conninfo::{self, Config, Environment, Params, Passfile, System, Target};
use howdah_protocol::startup::{Startup, StartupConfig};

/// The input is a connection string; behind a NUL, a password file, which is the service file too.
pub(super) fn conninfo(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (text, passfile) = text.split_once('\0').unwrap_or((&text, ""));
    let Ok(params) = conninfo::parse(text) else {
        return;
    };
    again(&params);
    resolve(&params, passfile);
}

fn again(params: &Params) {
    let text = conninfo::make(params.iter()).expect("what was parsed can be written");
    assert_eq!(conninfo::parse(&text).as_ref(), Ok(params), "{text:?}");
    assert!(params.len() <= conninfo::KEYWORDS.len());
}

fn resolve(params: &Params, passfile: &str) {
    let environment = Environment {
        env: &|_| None,
        os_user: Some("ann"),
        home: Some("/home/ann"),
        system: System::Unix,
        socket_dirs: &["/run/postgresql", "/tmp"],
        config_dirs: &["/etc"],
        service_file: &|_| Some(passfile.as_bytes().to_owned()),
        passfile: &|_| Passfile::Text(passfile.to_owned()),
    };
    let Ok(config) = Config::resolve(params, &environment) else {
        return;
    };
    assert!(!config.targets.is_empty());
    for target in &config.targets {
        start(&config, target);
    }
}

/// What is right for the parser can be sent: there are no NULs and no empty names in it.
fn start(config: &Config, target: &Target) {
    assert_ne!(target.port, 0);
    assert!(
        target
            .socket_path()
            .is_none_or(|path| path.starts_with(['/', '@']))
    );
    assert!(!target.describe(None).is_empty());
    let mut out = Vec::new();
    let startup = StartupConfig::new(config, target, "nonce");
    Startup::begin(startup, &mut out).expect("parameters that can be sent");
}
