//! Compiles `throttle`: how often a client may be denied.

use std::time::Duration;

use super::reader::{Keys, Object, Problems, whole_number};
use crate::policy::source::Node;
use crate::policy::throttle::Throttling;

const THROTTLE_KEYS: Keys = Keys::of(&["denials", "window_seconds"]);

pub(super) fn throttle(node: &Node, problems: &mut Problems) -> Option<Throttling> {
    let object = Object::open(node, THROTTLE_KEYS, problems)?;
    let longest = u32::try_from(Throttling::MAX_WINDOW.as_secs()).unwrap_or(u32::MAX);
    let mut number = |key, help, max| {
        let node = object.require(key, Some(help), problems)?;
        whole_number(node, 1, max, problems)
    };
    let denials = number("denials", "say how many, such as `20`", Throttling::MAX_DENIALS.into());
    let window = number("window_seconds", "say within how many seconds, such as `60`", longest);
    Some(Throttling { denials: u16::try_from(denials?).ok()?, window: Duration::from_secs(window?.into()) })
}
