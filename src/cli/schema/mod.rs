//! `mtlsctl schema`: what editors need to know of the files that people write.

use clap::{Args, ValueEnum};

use super::{Exit, output};

/// Print the JSON Schema (draft 2020-12) of policies, of policy tests or of audit records.
///
/// An editor that knows it completes and explains keys while one writes. It cannot tell all that is wrong: `mtlsctl check`
/// can.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of which files.
    of: Subject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// Policies.
    Policy,
    /// Files of policy tests.
    Tests,
    /// Audit records in the format `mtls-policy`.
    Record,
}

impl Schema {
    pub(super) fn run(&self) -> Exit {
        let schema = match self.of {
            Subject::Policy => include_str!("policy.schema.json"),
            Subject::Tests => include_str!("tests.schema.json"),
            Subject::Record => include_str!("../../audit/record.schema.json"),
        };
        output::print(schema, Exit::Good)
    }
}
