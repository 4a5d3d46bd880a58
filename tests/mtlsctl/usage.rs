//! How the command is called, whichever it is.

use crate::{run, stderr, stdout};

#[test]
fn a_call_that_makes_no_sense_exits_with_2_and_says_what_would() {
    for (arguments, wanted) in [
        (&[][..], "Usage: mtlsctl"),
        (&["check"], "Usage: mtlsctl check"),
        (&["chek", "x"], "similar subcommands exist: 'schema', 'check'"),
        (&["check", "--format", "xml", "x"], "possible values: human, json"),
        (&["check", "--bogus", "x"], "unexpected argument '--bogus'"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert!(stderr(&output).contains(wanted), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for (arguments, wanted) in [(["--help"], "check"), (["--version"], env!("CARGO_PKG_VERSION"))] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains(wanted), "{}", stdout(&output));
    }
    let check = stdout(&run(&["check", "--help"]));
    assert!(check.contains("Exits with 0 if every policy is good"), "{check}");
}
