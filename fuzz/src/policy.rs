//! Policy documents and configurations: a policy, or errors that point into the text.

use mtls_policy::policy::Policy;

/// Reads `data` as a policy document and as a plugin's configuration.
pub fn run(data: &[u8]) {
    let document = Policy::from_json(data);
    match &document {
        Ok(policy) => assert!(policy.routes().iter().len() > 0, "a policy without routes"),
        Err(errors) => {
            assert!(errors.iter().len() > 0, "refused without a reason");
            for error in errors {
                let shown = error.to_string();
                assert!(!shown.chars().any(char::is_control), "an error that is more than a line: {shown:?}");
            }
        }
    }
    // Text that is a policy is the same one as a configuration.
    let configuration = Policy::from_configuration(data);
    if let Ok(policy) = &document {
        assert_eq!(configuration.map(|other| other.digest()).ok(), Some(policy.digest()));
    }
}
