//! The filter's side of a call: its memory.

use wasmi::{AsContext, AsContextMut as _, Caller, Error, Global, Memory, TypedFunc};

use super::abi::{OK, Status};
use super::fault::Answer;
use super::vm::State;
use super::world::World;

/// What the host needs of the module to answer: its memory, and who allocates there.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    pub(super) memory: Memory,
    pub(super) allocate: TypedFunc<i32, i32>,
    pub(super) instructions: Global,
    pub(super) allocations: Global,
}

impl Reach {
    /// How far a counter stands.
    pub(super) fn counted(&self, store: impl AsContext, counter: Global) -> u64 {
        counter.get(store).i64().and_then(|count| u64::try_from(count).ok()).expect("a count")
    }
}

/// The filter that has made a call, and waits.
pub(super) struct Guest<'a> {
    caller: Caller<'a, State>,
    reach: Reach,
    /// What is handed out in place of the truth.
    falsehood: Option<Answer>,
}

/// Why a call is not answered with success.
pub(super) enum Failure {
    Status(Status),
    /// The filter has trapped while it made room for the answer.
    Trap(Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure::Status(status)
    }
}

/// Answers a call of this name.
pub(super) fn answer(
    mut caller: Caller<'_, State>,
    name: &'static str,
    act: impl FnOnce(&mut Guest<'_>) -> Result<(), Failure>,
) -> Result<i32, Error> {
    let falsehood = match caller.data_mut().world.note(name) {
        Some(Answer::Status(status)) => return Ok(status as i32),
        other => other,
    };
    let reach = caller.data().reach.expect("calls come after the module is linked");
    match act(&mut Guest { caller, reach, falsehood }) {
        Ok(()) => Ok(OK),
        Err(Failure::Status(status)) => Ok(status as i32),
        Err(Failure::Trap(trap)) => Err(trap),
    }
}

impl Guest<'_> {
    pub(super) fn world(&mut self) -> &mut World {
        &mut self.caller.data_mut().world
    }

    /// The octets that the filter has put at an address.
    pub(super) fn read(&self, at: i32, size: i32) -> Vec<u8> {
        let (at, size) = (at as u32 as usize, size as u32 as usize);
        self.reach.memory.data(self.caller.as_context())[at..at + size].to_vec()
    }

    /// The same as text.
    pub(super) fn text(&self, at: i32, size: i32) -> String {
        String::from_utf8_lossy(&self.read(at, size)).into_owned()
    }

    /// Hands out octets: in memory that the filter allocates, whose address and size go where it said. Without any both are zero.
    pub(super) fn hand_out(&mut self, octets: Vec<u8>, at: i32, size_at: i32) -> Result<(), Failure> {
        let octets = match &self.falsehood {
            Some(Answer::Octets(other)) => other.clone(),
            Some(Answer::Status(_) | Answer::Number(_)) | None => octets,
        };
        let size = i32::try_from(octets.len()).unwrap();
        let address = match size {
            0 => 0,
            _ => {
                let allocate = self.reach.allocate;
                allocate.call(self.caller.as_context_mut(), size).map_err(Failure::Trap)?
            }
        };
        self.write(address, &octets);
        self.write(at, &address.to_le_bytes());
        self.write(size_at, &size.to_le_bytes());
        Ok(())
    }

    /// Hands out a number of four octets.
    pub(super) fn hand_out_number(&mut self, number: i32, at: i32) {
        let number = match &self.falsehood {
            Some(Answer::Number(other)) => (*other as u32).to_le_bytes(),
            Some(Answer::Status(_) | Answer::Octets(_)) | None => number.to_le_bytes(),
        };
        self.write(at, &number);
    }

    /// Hands out a number of eight octets.
    pub(super) fn hand_out_long(&mut self, number: u64, at: i32) {
        let number = match &self.falsehood {
            Some(Answer::Number(other)) => *other,
            Some(Answer::Status(_) | Answer::Octets(_)) | None => number,
        };
        self.write(at, &number.to_le_bytes());
    }

    pub(super) fn write(&mut self, at: i32, octets: &[u8]) {
        let at = at as u32 as usize;
        self.reach.memory.data_mut(self.caller.as_context_mut())[at..at + octets.len()]
            .copy_from_slice(octets);
    }
}
