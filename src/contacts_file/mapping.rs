//! Whether what somebody said about a file can be used.

use super::numbers::is_region;
use super::values::{fold, language};
use crate::domain::contact::CUSTOM_NAME_SIZE_MAX;
use crate::domain::{ColumnUse, ImportMapping};

/// What is wrong with what was said about a file. Columns count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingProblem {
    /// The field that a column holds has no name, or too long a one.
    FieldName(usize),
    /// An earlier column means the same, and only one may.
    Twice(usize),
    /// No column says who anybody is.
    Nobody,
    /// There is no such region.
    Region,
    /// There is no such language.
    Language,
    /// People are to be known by a field that no column holds.
    ByField,
}

/// Puts region, language and the field by which people are known into the form in which they
/// are kept, and says everything that is wrong.
pub fn settle(mapping: &mut ImportMapping) -> Vec<MappingProblem> {
    let mut problems = column_problems(&mapping.columns);
    mapping.region = mapping.region.trim().to_uppercase();
    if !is_region(&mapping.region) {
        problems.push(MappingProblem::Region);
    }
    match language(mapping.language.trim()) {
        Some(code) => mapping.language = code,
        None => problems.push(MappingProblem::Language),
    }
    if let Some(name) = &mapping.by_field {
        match field_named(&mapping.columns, name) {
            Some(known) => mapping.by_field = Some(known),
            None => problems.push(MappingProblem::ByField),
        }
    }
    problems
}

fn column_problems(columns: &[ColumnUse]) -> Vec<MappingProblem> {
    let mut problems = Vec::new();
    for (index, means) in columns.iter().enumerate() {
        match means {
            ColumnUse::Field(name) if name.is_empty() || name.len() > CUSTOM_NAME_SIZE_MAX => {
                problems.push(MappingProblem::FieldName(index));
            }
            _ if is_single(means) && columns[..index].contains(means) => {
                problems.push(MappingProblem::Twice(index));
            }
            _ => {}
        }
    }
    if !columns.iter().any(names_somebody) {
        problems.push(MappingProblem::Nobody);
    }
    problems
}

const fn names_somebody(means: &ColumnUse) -> bool {
    matches!(
        means,
        ColumnUse::FirstName
            | ColumnUse::LastName
            | ColumnUse::FullName
            | ColumnUse::Email
            | ColumnUse::Mobile
            | ColumnUse::Landline
            | ColumnUse::Id
    )
}

/// The column's own spelling of a field.
fn field_named(columns: &[ColumnUse], name: &str) -> Option<String> {
    columns.iter().find_map(|means| match means {
        ColumnUse::Field(known) if fold(known) == fold(name) => Some(known.clone()),
        _ => None,
    })
}

/// Only one column may mean this.
const fn is_single(means: &ColumnUse) -> bool {
    match means {
        ColumnUse::Ignore
        | ColumnUse::Groups
        | ColumnUse::Email
        | ColumnUse::Mobile
        | ColumnUse::Landline => false,
        ColumnUse::Id
        | ColumnUse::FirstName
        | ColumnUse::LastName
        | ColumnUse::FullName
        | ColumnUse::Kind
        | ColumnUse::Language
        | ColumnUse::Area
        | ColumnUse::Field(_)
        | ColumnUse::Consent(..)
        | ColumnUse::ConsentDate => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(columns: Vec<ColumnUse>) -> ImportMapping {
        ImportMapping::guessed(columns, true, "GB", "en")
    }

    #[test]
    fn what_is_said_is_settled() {
        let field = ColumnUse::Field("Référence".to_owned());
        let mut said = ImportMapping {
            region: " fr ".to_owned(),
            language: "French".to_owned(),
            by_field: Some("reference".to_owned()),
            ..mapping(vec![ColumnUse::Email, ColumnUse::Email, field])
        };
        assert_eq!(settle(&mut said), []);
        assert_eq!((said.region.as_str(), said.language.as_str()), ("FR", "fr"));
        assert_eq!(said.by_field.as_deref(), Some("Référence"));
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        let mut said = ImportMapping {
            region: "ZZZ".to_owned(),
            language: "elvish".to_owned(),
            by_field: Some("reference".to_owned()),
            ..mapping(vec![
                ColumnUse::Area,
                ColumnUse::Field(String::new()),
                ColumnUse::Area,
            ])
        };
        let expected = [
            MappingProblem::FieldName(1),
            MappingProblem::Twice(2),
            MappingProblem::Nobody,
            MappingProblem::Region,
            MappingProblem::Language,
            MappingProblem::ByField,
        ];
        assert_eq!(settle(&mut said), expected);
    }
}
