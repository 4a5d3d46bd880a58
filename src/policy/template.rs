//! Texts of a policy in which `{field}` stands for something that only a decision knows.

use thiserror::Error;

use super::error::closest;
use crate::identity::pattern::shown;

/// A text with places in it for fields of the kind `F`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template<F> {
    pieces: Vec<Piece<F>>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<F> {
    /// Text that stands for itself.
    Text(String),
    /// What the decision puts there.
    Field(F),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A field that there is not.
    #[error("unknown field `{{{field}}}`", field = shown(field))]
    UnknownField {
        /// Its name.
        field: String,
        /// What to write instead.
        help: String,
    },
    /// A brace that opens or closes nothing.
    #[error("a brace is not paired in `{text}`; `{{{{` and `}}}}` stand for the braces themselves", text = shown(text))]
    Brace {
        /// The text.
        text: String,
    },
}

impl TemplateError {
    /// A field that is none of `known`, which stand without braces.
    pub(super) fn unknown(field: &str, known: &[&str]) -> Self {
        let help = match closest(field, known.iter().copied()) {
            Some(name) => format!("did you mean `{{{name}}}`?"),
            None => {
                let known: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
                format!("known here: {}", known.join(", "))
            }
        };
        Self::UnknownField { field: field.to_owned(), help }
    }

    /// What to write instead.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::UnknownField { help, .. } => Some(help.clone()),
            Self::Brace { .. } => None,
        }
    }
}

impl<F: Clone> Template<F> {
    /// Reads a text in which every brace has a meaning: `{field}`, or `{{` and `}}` for the braces themselves.
    pub(super) fn parse<E: From<TemplateError>>(
        text: &str,
        field: impl Fn(&str) -> Result<F, E>,
    ) -> Result<Self, E> {
        let unpaired = || TemplateError::Brace { text: text.to_owned() };
        let mut template = Self { pieces: Vec::new() };
        let mut rest = text;
        while let Some((before, at_brace)) = rest.find(['{', '}']).and_then(|at| rest.split_at_checked(at)) {
            template.push_text(before);
            if let Some(after) = at_brace.strip_prefix("{{") {
                template.push_text("{");
                rest = after;
            } else if let Some(after) = at_brace.strip_prefix("}}") {
                template.push_text("}");
                rest = after;
            } else {
                let opened = at_brace.strip_prefix('{').ok_or_else(unpaired)?;
                let (name, after) = opened.split_once('}').ok_or_else(unpaired)?;
                template.pieces.push(Piece::Field(field(name)?));
                rest = after;
            }
        }
        template.push_text(rest);
        Ok(template)
    }

    /// Reads a text that has braces of its own, as JSON, style sheets and scripts have: only `known` fields are
    /// fields, and what is almost one of them is an error.
    pub(super) fn parse_among_braces(text: &str, known: &[(&str, F)]) -> Result<Self, TemplateError> {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let mut template = Self { pieces: Vec::new() };
        let mut rest = text;
        while let Some((before, opened)) = rest.split_once('{') {
            template.push_text(before);
            let name = opened.split_once('}').map(|(name, _)| name).filter(|name| is_word(name));
            let found = name.and_then(|name| known.iter().find(|(known, _)| *known == name));
            match (found, name) {
                (Some((name, field)), _) => {
                    template.pieces.push(Piece::Field(field.clone()));
                    // Behind the name and the brace that closes it.
                    rest = opened.get(name.len() + 1..).unwrap_or_default();
                }
                (None, Some(name)) if closest(name, names.iter().copied()).is_some() => {
                    return Err(TemplateError::unknown(name, &names));
                }
                (None, _) => {
                    template.push_text("{");
                    rest = opened;
                }
            }
        }
        template.push_text(rest);
        Ok(template)
    }

    /// The parts, in order.
    pub fn pieces(&self) -> &[Piece<F>] {
        &self.pieces
    }

    fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Text(before)) => before.push_str(text),
            Some(Piece::Field(_)) | None => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const KNOWN: [(&str, u8); 2] = [("decision_id", 1), ("reason", 2)];

    fn text(text: &str) -> Piece<u8> {
        Piece::Text(text.to_owned())
    }

    fn strict(text: &str) -> Result<Vec<Piece<u8>>, TemplateError> {
        let field = |name: &str| match name {
            "a" => Ok(1),
            "b" => Ok(2),
            other => Err(TemplateError::unknown(other, &["a", "b"])),
        };
        Template::parse(text, field).map(|template| template.pieces)
    }

    fn among_braces(text: &str) -> Result<Vec<Piece<u8>>, TemplateError> {
        Template::parse_among_braces(text, &KNOWN).map(|template| template.pieces)
    }

    #[test]
    fn fields_and_doubled_braces_are_parted_from_text() {
        let (one, two) = (Piece::Field(1), Piece::Field(2));
        assert_eq!(strict("{a}"), Ok(vec![one.clone()]));
        assert_eq!(strict("{a}{b}"), Ok(vec![one.clone(), two.clone()]));
        assert_eq!(strict("x={a}, y={b}."), Ok(vec![text("x="), one.clone(), text(", y="), two, text(".")]));
        assert_eq!(strict("{{{a}}}"), Ok(vec![text("{"), one, text("}")]));
        assert_eq!(strict("{{a}}"), Ok(vec![text("{a}")]));
        assert_eq!(strict(""), Ok(Vec::new()));
    }

    #[test]
    fn a_brace_without_its_pair_is_refused() {
        for odd in ["{", "}", "{a", "a}", "{{}", "{a}}", "{a}{"] {
            assert_eq!(strict(odd), Err(TemplateError::Brace { text: odd.to_owned() }), "{odd}");
        }
        for odd in ["{}", "{ a}", "{A}", "{a{b}"] {
            assert!(matches!(strict(odd), Err(TemplateError::UnknownField { .. })), "{odd}");
        }
    }

    #[test]
    fn braces_of_json_and_style_sheets_stay_and_fields_among_them_are_found() {
        let id = Piece::Field(1);
        assert_eq!(
            among_braces(r#"{"id": "{decision_id}"}"#),
            Ok(vec![text(r#"{"id": ""#), id.clone(), text("\"}")])
        );
        assert_eq!(among_braces("p{{color:red}} {x} {} {"), Ok(vec![text("p{{color:red}} {x} {} {")]));
        assert_eq!(among_braces("{{decision_id}}"), Ok(vec![text("{"), id, text("}")]));
    }

    #[test]
    fn what_is_almost_a_field_is_refused_among_braces_too() {
        for odd in ["{decisionid}", "{decision_ids}", "{reasons}", "{{reson}}"] {
            assert!(matches!(among_braces(odd), Err(TemplateError::UnknownField { .. })), "{odd}");
        }
        assert!(among_braces("{color}").is_ok());
    }
}
