//! Shared data, as Envoy keeps it: values with numbers that change with each of them.

use std::collections::HashMap;

use super::abi::Status;

/// The shared data of one proxy.
#[derive(Default)]
pub(crate) struct SharedData {
    values: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    last: u32,
}

impl SharedData {
    /// The value of `key` and its number.
    pub(super) fn get(&self, key: &[u8]) -> Result<(Vec<u8>, u32), Status> {
        self.values.get(key).cloned().ok_or(Status::NotFound)
    }

    /// Sets the value of `key`; with a number, only if it still is the value's. A key that is not there is set whatever the number.
    pub(super) fn set(&mut self, key: Vec<u8>, value: Vec<u8>, cas: u32) -> Result<(), Status> {
        if self.values.get(&key).is_some_and(|(_, known)| cas != 0 && cas != *known) {
            return Err(Status::CasMismatch);
        }
        self.last += 1;
        self.values.insert(key, (value, self.last));
        Ok(())
    }
}
