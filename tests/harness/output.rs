//! What an Envoy has written so far: its log with the audit records in it, and its access log.

use std::io::Read;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

use serde_json::Value;

use super::schema::{RECORD, Schema};

/// The `schema` of an audit record.
const AUDIT_SCHEMA: &str = "mtls-policy.audit/1";

/// Grows while Envoy runs; clones share it.
#[derive(Clone, Default)]
pub struct Output {
    log: Arc<Mutex<Stream>>,
    access: Arc<Mutex<Stream>>,
}

#[derive(Default)]
struct Stream {
    text: String,
    unfinished: Vec<u8>,
    objects: Vec<Value>,
}

impl Stream {
    fn push(&mut self, bytes: &[u8]) {
        self.unfinished.extend_from_slice(bytes);
        while let Some(end) = self.unfinished.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unfinished.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let object = line.find('{').and_then(|start| serde_json::from_str(&line[start..]).ok());
            self.objects.extend(object);
            self.text.push_str(&line);
        }
    }
}

impl Output {
    /// Takes bytes of Envoy's stderr.
    pub fn push_log(&self, bytes: &[u8]) {
        self.log.lock().unwrap().push(bytes);
    }

    /// Takes bytes of Envoy's stdout.
    pub fn push_access(&self, bytes: &[u8]) {
        self.access.lock().unwrap().push(bytes);
    }

    /// Reads both streams of a process to their ends, in threads.
    pub fn follow(&self, stdout: impl Read + Send + 'static, stderr: impl Read + Send + 'static) {
        let (access, log) = (self.clone(), self.clone());
        thread::spawn(move || copy(stdout, |bytes| access.push_access(bytes)));
        thread::spawn(move || copy(stderr, |bytes| log.push_log(bytes)));
    }

    /// Envoy's log, whole lines.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().text.clone()
    }

    /// Envoy's log for a person to read: without the long lists of extensions at its start.
    pub fn readable_log(&self) -> String {
        let log = self.log();
        let start = log.find("Starting admin HTTP server").and_then(|found| log[..found].rfind('\n'));
        log[start.map_or(0, |newline| newline + 1)..].to_owned()
    }

    /// The audit records in Envoy's log, each as the schema of records says.
    pub fn records(&self) -> Vec<Value> {
        let log = self.log.lock().unwrap();
        log.objects.iter().filter(|object| is_record(object)).map(checked).collect()
    }

    /// The JSON objects of this schema in Envoy's log.
    pub fn objects(&self, schema: &str) -> Vec<Value> {
        let log = self.log.lock().unwrap();
        log.objects.iter().filter(|object| object["schema"] == schema).cloned().collect()
    }

    /// The first audit record that is as wanted.
    pub fn find_record(&self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let log = self.log.lock().unwrap();
        log.objects.iter().find(|object| is_record(object) && wanted(object)).map(checked)
    }

    /// The first JSON object in Envoy's log that is as wanted, whatever it is.
    pub fn find_object(&self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        self.log.lock().unwrap().objects.iter().find(|object| wanted(object)).cloned()
    }

    /// The first line of the access log that is as wanted.
    pub fn find_access(&self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        self.access.lock().unwrap().objects.iter().find(|object| wanted(object)).cloned()
    }

    /// The lines of the access log.
    pub fn access(&self) -> Vec<Value> {
        self.access.lock().unwrap().objects.clone()
    }
}

/// An audit record, which is as its schema says.
pub fn checked(record: &Value) -> Value {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::new(RECORD));
    assert_eq!(SCHEMA.fault(record), None, "{record}");
    record.clone()
}

fn is_record(object: &Value) -> bool {
    object["schema"] == AUDIT_SCHEMA
}

fn copy(mut stream: impl Read, mut push: impl FnMut(&[u8])) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        push(&buffer[..length]);
    }
}
