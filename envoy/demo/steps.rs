//! The requests of the walk-through, with what must come of each.

use serde_json::Value;
use tokio::process::Command;

use crate::harness::{Envoy, root};
use crate::pki::Files;
use crate::screen::{self, BOLD, RESET};

/// What a client gets.
enum Expected {
    /// The backend's reply: it saw this `x-client-verify`, and the record has this mode, decision and reason.
    Echo { verify: &'static str, decision: &'static str, reason: Option<&'static str> },
    /// The filter's reply.
    Denied { status: u16, reason: &'static str },
    /// None: Envoy ends the TLS handshake.
    NoReply,
}

/// One request.
pub(crate) struct Step {
    /// What is tried.
    pub(crate) title: &'static str,
    /// Why it ends as it does.
    pub(crate) because: &'static str,
    path: &'static str,
    certificate: Option<&'static str>,
    expected: Expected,
}

/// The walk-through, in order.
pub(crate) fn all() -> Vec<Step> {
    vec![
        Step {
            title: "The right client",
            because: "its certificate carries the identity `billing`, which the route `payments` allows",
            path: "/v1/payments",
            certificate: Some("billing"),
            expected: Expected::Echo { verify: "SUCCESS", decision: "permit", reason: None },
        },
        Step {
            title: "Another identity of the same CA",
            because: "the certificate is good, but `payments` does not allow whom it names",
            path: "/v1/payments",
            certificate: Some("web"),
            expected: Expected::Denied { status: 403, reason: "identity_not_allowed" },
        },
        Step {
            title: "The right name from a CA that nobody trusts",
            because: "Envoy ended the handshake; without a request there is no record, but a counter",
            path: "/v1/payments",
            certificate: Some("stranger"),
            expected: Expected::NoReply,
        },
        Step {
            title: "No certificate",
            because: "the listener lets it connect, and `payments` demands a certificate",
            path: "/v1/payments",
            certificate: None,
            expected: Expected::Denied { status: 403, reason: "no_certificate" },
        },
        Step {
            title: "No certificate, on a public path",
            because: "the route `health` looks at no certificate; the service is told `NONE`",
            path: "/healthz",
            certificate: None,
            expected: Expected::Echo { verify: "NONE", decision: "permit", reason: None },
        },
        Step {
            title: "A route in shadow mode",
            because: "`reports` does not allow this client, but is only being tried: recorded, and let through",
            path: "/v1/reports",
            certificate: Some("web"),
            expected: Expected::Echo {
                verify: "NONE",
                decision: "deny",
                reason: Some("identity_not_allowed"),
            },
        },
    ]
}

impl Step {
    /// The request for a shell, from the root of the repository.
    pub(crate) fn line(&self, envoy: &Envoy, files: &Files) -> String {
        format!("curl {}", self.arguments(envoy, files).join(" "))
            .replace(" --connect-to", " \\\n     --connect-to")
    }

    /// Does it, prints it, and says what was not as expected.
    pub(crate) async fn run(&self, envoy: &Envoy, files: &Files) -> Result<(), String> {
        anstream::println!("   {BOLD}{}{RESET}", self.line(envoy, files));
        let (records, refused) = (envoy.audit_records().len(), refused(envoy).await);
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--max-time", "10"])
            .args(self.arguments(envoy, files))
            .current_dir(root())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| format!("cannot run `curl`: {error}"))?;
        let reply = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        let Some((head, body)) = reply.split_once("\n\n") else {
            screen::line("reply", &format!("none; {}", String::from_utf8_lossy(&output.stderr).trim()));
            return self.no_reply(envoy, refused).await;
        };
        let first = head.lines().next().unwrap_or_default();
        let status: u16 = first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        screen::line("reply", &format!("{BOLD}{}{RESET}", first.trim()));
        let echo: Value = serde_json::from_str(body).unwrap_or_default();
        let verify = echo["headers"]["x-client-verify"][0].as_str();
        match verify {
            Some(verify) => screen::line("backend", &format!("saw x-client-verify: {BOLD}{verify}{RESET}")),
            None => body.lines().for_each(|line| screen::line("", line)),
        }
        let record = envoy.wait_for_new_record(records).await;
        screen::record(&record);

        let (wanted_status, wanted_verify, wanted_decision, wanted_reason) = match self.expected {
            Expected::Echo { verify, decision, reason } => (200, Some(verify), decision, reason),
            Expected::Denied { status, reason } => (status, None, "deny", Some(reason)),
            Expected::NoReply => return Err("a reply, where none should be".to_owned()),
        };
        let found = (status, verify, record["decision"].as_str(), record["reason"].as_str());
        let wanted = (wanted_status, wanted_verify, Some(wanted_decision), wanted_reason);
        if found == wanted { Ok(()) } else { Err(format!("{found:?} instead of {wanted:?}")) }
    }

    /// Envoy ended the handshake, if it counted one refused certificate more.
    async fn no_reply(&self, envoy: &Envoy, before: u64) -> Result<(), String> {
        let counted = refused(envoy).await - before;
        screen::line("counter", &format!("ssl.fail_verify_error +{counted}"));
        match self.expected {
            Expected::NoReply if counted == 1 => Ok(()),
            Expected::NoReply => Err("Envoy did not refuse the certificate".to_owned()),
            Expected::Echo { .. } | Expected::Denied { .. } => Err("no reply".to_owned()),
        }
    }

    fn arguments(&self, envoy: &Envoy, files: &Files) -> Vec<String> {
        let folder = files.folder();
        let mut arguments = vec!["--cacert".to_owned(), format!("{folder}/server-ca.crt")];
        if let Some(name) = self.certificate {
            let (certificate, key) = (format!("{folder}/{name}.crt"), format!("{folder}/{name}.key"));
            arguments.extend(["--cert".to_owned(), certificate, "--key".to_owned(), key]);
        }
        let to = format!("pay.acme.example:443:{}", envoy.address());
        arguments.extend(["--connect-to".to_owned(), to, format!("https://pay.acme.example{}", self.path)]);
        arguments
    }
}

/// How many certificates Envoy has refused so far.
async fn refused(envoy: &Envoy) -> u64 {
    envoy.stats("ssl.fail_verify_error").await.values().sum()
}
