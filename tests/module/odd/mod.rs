//! The host answers each call of the filter once as it should not: no answer makes the filter let pass what must not, and none makes it
//! trap but those at which the SDK does so by itself.
//!
//! Each scenario runs once to see which calls the filter makes, and then again for each call and each answer. A trap is no hole: Envoy
//! refuses every request of the VM, and loads the filter anew.

mod scenarios;
mod traps;

use std::thread;

use self::scenarios::{Scenario, all};
use self::traps::{Trapped, assert_known};
use crate::host::abi::Status;
use crate::host::fault::{Answer, Fault};
use crate::host::{Trap, Vm};

/// What the host may answer wherever it is asked.
const STATUSES: [Status; 4] = [Status::NotFound, Status::BadArgument, Status::Empty, Status::InternalFailure];

/// Octets in place of those that were asked for: none, some that mean nothing, and no text.
const OCTETS: [&[u8]; 3] = [b"", b"\x02\x01|\x00?\x7f|-|=", b"\xff\xfe\xc3\x28\x80"];

/// Numbers in place of those that were asked for.
const NUMBERS: [u64; 2] = [0, u64::MAX];

/// What calls of this name are answered.
fn answers(call: &str) -> Vec<Answer> {
    let mut answers: Vec<Answer> = STATUSES.map(Answer::Status).to_vec();
    if call == "get_property" {
        answers.push(Answer::Status(Status::SerializationFailure));
    }
    match call {
        "get_property"
        | "get_header_map_pairs"
        | "get_header_map_value"
        | "get_buffer_bytes"
        | "get_shared_data" => {
            answers.extend(OCTETS.map(|octets| Answer::Octets(octets.to_vec())));
        }
        "set_shared_data" => answers.push(Answer::Status(Status::CasMismatch)),
        "get_current_time_nanoseconds" | "http_call" | "define_metric" => {
            answers.extend(NUMBERS.map(Answer::Number));
        }
        _ => {}
    }
    answers
}

/// A call, and how it was answered.
type Tried = (&'static str, Answer);

#[test]
fn no_answer_of_the_host_lets_pass_what_must_not() {
    let scenarios = all();
    let (tried, trapped): (Vec<_>, Vec<_>) = thread::scope(|scope| {
        let runs: Vec<_> = scenarios.iter().map(|scenario| scope.spawn(|| every_answer(scenario))).collect();
        runs.into_iter().map(|run| run.join().expect("a scenario that holds")).unzip()
    });
    assert_known(&tried.into_iter().flatten().collect(), &trapped.into_iter().flatten().collect());
}

/// Runs a scenario with each answer to each call. Tells them all, and at which it trapped.
fn every_answer(scenario: &Scenario) -> (Vec<Tried>, Vec<Trapped>) {
    let calls = run(scenario, None).unwrap_or_else(|trap| panic!("{}: {trap:?}", scenario.name));
    let (mut tried, mut trapped) = (Vec::new(), Vec::new());
    for (at, call) in calls.into_iter().enumerate() {
        for answer in answers(call) {
            // How the host says that there are no trailers.
            if scenario.has_trailers && call == "get_header_map_pairs" && answer == Answer::Octets(Vec::new())
            {
                continue;
            }
            tried.push((call, answer.clone()));
            let fault = Fault { at, answer: answer.clone() };
            if let Err(why) = run(scenario, Some(fault)) {
                trapped.push(Trapped { call, answer, why });
            }
        }
    }
    (tried, trapped)
}

/// Runs a scenario. Answers the calls that the filter made while it was, or what the filter said as it trapped.
fn run(scenario: &Scenario, fault: Option<Fault>) -> Result<Vec<&'static str>, String> {
    let mut vm = (scenario.before)();
    vm.inject(fault.clone());
    let came_to = (scenario.act)(&mut vm);
    let calls = vm.world().calls.clone();
    let about = || match &fault {
        Some(fault) => {
            format!("{}: call {} `{}`: {:?}", scenario.name, fault.at, calls[fault.at], fault.answer)
        }
        None => scenario.name.to_owned(),
    };
    (scenario.holds)(&mut vm, fault.is_some()).unwrap_or_else(|why| panic!("{}: {why}", about()));
    vm.inject(None);
    match came_to {
        Ok(()) => {
            after(&mut vm, scenario).unwrap_or_else(|why| panic!("{}: afterwards {why}", about()));
            Ok(calls)
        }
        // Nothing is heard of this VM any more. A panic says in the log where it was.
        Err(Trap(why)) => Err(vm.world().log.pop().unwrap_or(why)),
    }
}

/// What the filter does with the next requests, now that the host answers as it should.
fn after(vm: &mut Vm, scenario: &Scenario) -> Result<(), String> {
    for (stream, may_pass) in scenarios::next(scenario) {
        let (context, _) = vm.open(stream, true).map_err(|trap| format!("{trap:?}"))?;
        scenarios::serve(vm, if scenario.revokes { 5 } else { 0 }).map_err(|trap| format!("{trap:?}"))?;
        if vm.has_passed(context) && !may_pass {
            return Err("one passed that must not".to_owned());
        }
        vm.close(context).map_err(|trap| format!("{trap:?}"))?;
    }
    Ok(())
}
