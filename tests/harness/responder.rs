//! The OCSP responder of OpenSSL, `openssl ocsp`, as a process.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::mint::{Ca, Key, Minted, pem};
use super::process::SUPERVISOR;
use super::workspace::run_folder;

const START_LIMIT: Duration = Duration::from_secs(10);

/// What the responder says of a certificate. Of one that it does not list it says `unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It is good.
    Good,
    /// It was revoked, for its key got into other hands.
    Revoked,
}

/// The responder; it ends when this is dropped.
pub struct Responder {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Responder {
    /// Starts it for the certificates of a CA. `signer` is a certificate and its key; `options` are further ones of
    /// `openssl ocsp`, say `-nmin 5` for how long responses are good.
    pub fn start(
        ca: &Ca,
        signer: (&[u8], &Key),
        listed: &[(&Minted, Listed)],
        options: &[&str],
    ) -> Responder {
        let folder = run_folder();
        let file = |name: &str| folder.path().join(name).display().to_string();
        fs::write(file("ca.pem"), ca.pem()).unwrap();
        fs::write(file("signer.pem"), pem("CERTIFICATE", signer.0)).unwrap();
        fs::write(file("signer.key"), signer.1.pem()).unwrap();
        fs::write(file("index.txt"), index(listed)).unwrap();
        let (index, ca, certificate, key) =
            (file("index.txt"), file("ca.pem"), file("signer.pem"), file("signer.key"));
        let mut process = Command::new("sh")
            .args(["-c", SUPERVISOR, "responder", "openssl", "ocsp", "-port", "0"])
            .args(["-index", &index, "-CA", &ca, "-rsigner", &certificate, "-rkey", &key])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("`openssl ocsp` starts");
        let stdout = process.stdout.take().expect("its output");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout);
            let mut line = String::new();
            // `ACCEPT 0.0.0.0:33647 PID=21510`
            while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
                if line.starts_with("ACCEPT") {
                    let address = line.split(' ').nth(1).unwrap_or_default();
                    let _ = sender.send(address.rsplit(':').next().and_then(|port| port.trim().parse().ok()));
                    break;
                }
                line.clear();
            }
            let _ = lines.read_to_end(&mut Vec::new());
        });
        let port = receiver.recv_timeout(START_LIMIT).ok().flatten().expect("`openssl ocsp` listens");
        Responder { process, port, folder }
    }

    /// The port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on says this of certificates.
    pub fn say(&self, listed: &[(&Minted, Listed)]) {
        let new = self.folder.path().join("index.new");
        fs::write(&new, index(listed)).unwrap();
        // Another file in its place is what the responder takes notice of.
        fs::rename(new, self.folder.path().join("index.txt")).unwrap();
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The database of `openssl ca`: status, end, revocation, serial number, file, subject.
fn index(listed: &[(&Minted, Listed)]) -> String {
    let line = |(certificate, said): &(&Minted, Listed)| {
        let serial: String = certificate.serial().iter().map(|octet| format!("{octet:02X}")).collect();
        let said = match said {
            Listed::Good => "V\t490101000000Z\t",
            Listed::Revoked => "R\t490101000000Z\t260101000000Z,keyCompromise",
        };
        format!("{said}\t{serial}\tunknown\t/CN={serial}\n")
    };
    listed.iter().map(line).collect()
}
