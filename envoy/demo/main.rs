//! The walk-through of `make demo`: a real Envoy with the shipped configuration, asked by real `curl`.

#![expect(clippy::indexing_slicing, reason = "what is missing from JSON is null")]

#[path = "../../tests/harness/mod.rs"]
mod harness;
mod pki;
mod screen;
mod steps;

use std::io::IsTerminal;
use std::process::ExitCode;

use anstream::println;
use harness::{Envoy, Setup};
use tokio::signal::unix::{SignalKind, signal};

use pki::Files;
use screen::{BOLD, DIM, GREEN, RED, RESET};

#[tokio::main]
async fn main() -> ExitCode {
    // The harness panics where a test would fail; a person wants the sentence only.
    std::panic::set_hook(Box::new(|panic| {
        anstream::eprintln!("{RED}demo: {}{RESET}", panic.payload_as_str().unwrap_or("it went wrong"));
    }));
    // Whatever ends the walk, `Envoy` is dropped, and with it the process or container.
    tokio::select! {
        code = walk() => code,
        () = stopped() => ExitCode::from(130),
    }
}

async fn walk() -> ExitCode {
    let (pki, files) = match pki::mint() {
        Ok(minted) => minted,
        Err(why) => return failed(&why),
    };
    let policy = include_str!("policy.json");
    let envoy = Envoy::start(Setup::new(&pki).policy(policy)).await;
    println!(
        "{DIM}configuration envoy/envoy.yaml, policy envoy/demo/policy.json, keys {}{RESET}\n",
        files.folder()
    );

    let mut wrong = 0;
    for (number, step) in steps::all().iter().enumerate() {
        println!("{BOLD}{}. {}{RESET}", number + 1, step.title);
        match step.run(&envoy, &files).await {
            Ok(()) => println!("   {GREEN}as it should be{RESET}: {}\n", step.because),
            Err(why) => {
                wrong += 1;
                println!("   {RED}not as it should be{RESET}: {why}\n");
            }
        }
    }
    if wrong > 0 {
        return failed(&format!("{wrong} of {} steps went wrong", steps::all().len()));
    }
    println!("{GREEN}All {} steps went as they should.{RESET}", steps::all().len());
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        stay(&envoy, &files).await;
    }
    ExitCode::SUCCESS
}

/// Keeps Envoy up and shows every new decision, until Ctrl-C.
async fn stay(envoy: &Envoy, files: &Files) {
    println!("\nEnvoy stays up until you press Ctrl-C. Try this in another terminal:\n");
    for step in steps::all().iter().take(1) {
        println!("   {BOLD}{}{RESET}\n", step.line(envoy, files));
    }
    let mut shown = envoy.audit_records().len();
    loop {
        let records = envoy.audit_records();
        for record in records.iter().skip(shown) {
            screen::record(record);
            println!();
        }
        shown = records.len();
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn failed(why: &str) -> ExitCode {
    anstream::eprintln!("{RED}demo: {why}{RESET}");
    ExitCode::FAILURE
}

/// Resolves at Ctrl-C and at SIGTERM.
async fn stopped() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
    harness::signalled();
}
