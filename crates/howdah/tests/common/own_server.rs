//! A server of one test alone, to be stopped and started again.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The server, in a process that does what it is told.
pub(crate) struct OwnServer {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub(crate) conninfo: String,
}

impl OwnServer {
    /// `None` where nobody has said which Python starts servers.
    pub(crate) fn start() -> Option<Self> {
        Self::run("own_server.py")
    }

    /// The same for another script: the first line that it writes is a connection string, and each command is answered by `done`.
    pub(crate) fn run(script: &str) -> Option<Self> {
        let python = std::env::var_os("HOWDAH_TEST_PYTHON")?;
        let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/");
        let mut process = Command::new(python)
            .arg(format!("{tools}{script}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = Self {
            commands: process.stdin.take(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
            conninfo: String::new(),
        };
        server.conninfo = server.line();
        Some(server)
    }

    /// Has it do something, and waits until that is done.
    pub(crate) fn command(&mut self, command: &str) {
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{command}").unwrap();
        assert_eq!(self.line(), "done");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.process.wait();
    }
}
