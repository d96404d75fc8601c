//! What columns are called, in English and French, and what a title probably means.

use super::table::Table;
use super::values::fold;
use crate::domain::category::CATEGORY_NAME_SIZE_MAX;
use crate::domain::contact::CUSTOM_NAME_SIZE_MAX;
use crate::domain::import::IMPORT_COLUMNS_MAX;
use crate::domain::{Channel, ColumnUse};

/// Rows looked at when the title says nothing.
const SAMPLE_ROWS: usize = 20;

/// A meaning with its titles: English, French, and what else people write (without accents).
struct Known {
    means: ColumnUse,
    english: &'static str,
    french: &'static str,
    also: &'static [&'static str],
}

const KNOWN: &[Known] = &[
    Known {
        means: ColumnUse::Id,
        english: "Tocsin id",
        french: "Identifiant Tocsin",
        also: &["tocsin"],
    },
    Known {
        means: ColumnUse::FirstName,
        english: "First name",
        french: "Prénom",
        also: &[
            "firstname",
            "forename",
            "given name",
            "givenname",
            "prenoms",
            "vorname",
            "christian name",
        ],
    },
    Known {
        means: ColumnUse::LastName,
        english: "Last name",
        french: "Nom",
        also: &[
            "lastname",
            "surname",
            "family name",
            "familyname",
            "nom de famille",
            "nachname",
            "nom d'usage",
        ],
    },
    Known {
        means: ColumnUse::FullName,
        english: "Full name",
        french: "Nom complet",
        also: &[
            "name",
            "fullname",
            "nom et prenom",
            "prenom et nom",
            "nom prenom",
            "contact",
            "contact name",
            "person",
            "display name",
        ],
    },
    Known {
        means: ColumnUse::Kind,
        english: "Kind",
        french: "Type de contact",
        also: &[
            "type",
            "contact type",
            "category of contact",
            "kind of contact",
            "genre",
        ],
    },
    Known {
        means: ColumnUse::Language,
        english: "Language",
        french: "Langue",
        also: &["lang", "preferred language", "langue preferee", "locale"],
    },
    Known {
        means: ColumnUse::Area,
        english: "Area",
        french: "Zone",
        also: &[
            "district",
            "beat",
            "sector",
            "secteur",
            "quartier",
            "commune",
            "municipality",
            "ward",
            "neighbourhood",
            "region",
            "area path",
        ],
    },
    Known {
        means: ColumnUse::Groups,
        english: "Groups",
        french: "Groupes",
        also: &[
            "group", "groupe", "tags", "tag", "list", "lists", "liste", "listes",
        ],
    },
    Known {
        means: ColumnUse::Email,
        english: "Email",
        french: "E-mail",
        also: &[
            "mail",
            "email address",
            "e-mail address",
            "adresse email",
            "adresse e-mail",
            "adresse mail",
            "courriel",
            "adresse electronique",
            "adresse de messagerie",
            "private email",
            "work email",
        ],
    },
    Known {
        means: ColumnUse::Mobile,
        english: "Mobile",
        french: "Portable",
        also: &[
            "mobile phone",
            "mobile number",
            "cell",
            "cell phone",
            "cellphone",
            "cellular",
            "telephone mobile",
            "telephone portable",
            "tel portable",
            "tel mobile",
            "gsm",
            "natel",
            "numero de portable",
            "sms",
            "phone",
            "phone number",
            "telephone",
            "tel",
            "numero de telephone",
            "telephone number",
        ],
    },
    Known {
        means: ColumnUse::Landline,
        english: "Landline",
        french: "Fixe",
        also: &[
            "home phone",
            "work phone",
            "business phone",
            "landline number",
            "home telephone",
            "telephone fixe",
            "tel fixe",
            "telephone domicile",
            "telephone bureau",
            "fixed line",
        ],
    },
    Known {
        means: ColumnUse::ConsentDate,
        english: "Consent date",
        french: "Date du consentement",
        also: &[
            "date of consent",
            "opt in date",
            "optin date",
            "date de consentement",
            "date d'accord",
        ],
    },
    Known {
        means: ColumnUse::Consent(None, None),
        english: "Consent",
        french: "Consentement",
        also: &[
            "opt in", "optin", "opt-in", "agreed", "accord", "rgpd", "gdpr",
        ],
    },
];

/// Before the name of a field; English and French.
const FIELD: [&str; 2] = ["Field: ", "Champ : "];
/// Before channel and category of a decision; English and French.
const CONSENT: [&str; 2] = ["Consent: ", "Consentement : "];
/// Every channel; English and French.
const EVERY: [&str; 2] = ["all", "tous"];

fn index(language: &str) -> usize {
    usize::from(language.eq_ignore_ascii_case("fr"))
}

/// The title under which a column is written out, so that it is known again.
#[must_use]
pub fn title_of(means: &ColumnUse, language: &str) -> String {
    let language = index(language);
    match means {
        ColumnUse::Field(name) => format!("{}{name}", FIELD[language]),
        ColumnUse::Consent(channel, category) => {
            let channel = channel.map_or(EVERY[language], Channel::as_str);
            let category = category.as_deref().map(|name| format!(" / {name}"));
            format!(
                "{}{channel}{}",
                CONSENT[language],
                category.unwrap_or_default()
            )
        }
        ColumnUse::Ignore => String::new(),
        plain => {
            let known = KNOWN.iter().find(|known| known.means == *plain);
            known.map_or_else(String::new, |known| {
                [known.english, known.french][language].to_owned()
            })
        }
    }
}

/// Every plain meaning, in the order in which pages offer it.
pub fn labels() -> impl Iterator<Item = &'static ColumnUse> {
    KNOWN.iter().map(|known| &known.means)
}

/// What a title means, if it is known.
fn meaning(title: &str) -> Option<ColumnUse> {
    let title = title.trim();
    for prefix in FIELD {
        if let Some(name) = title.strip_prefix(prefix) {
            let name = name.trim();
            let fits = !name.is_empty() && name.len() <= CUSTOM_NAME_SIZE_MAX;
            return fits.then(|| ColumnUse::Field(name.to_owned()));
        }
    }
    for prefix in CONSENT {
        if let Some(rest) = title.strip_prefix(prefix) {
            return consent(rest);
        }
    }
    // "Email 2", "Mobile (work)", "tél."
    let folded = fold(title).replace(['_', '.', ':', '*'], " ");
    let folded = folded.split('(').next().unwrap_or_default();
    let folded = folded
        .trim()
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == '#');
    let folded = folded.split_whitespace().collect::<Vec<_>>().join(" ");
    let known = KNOWN.iter().find(|known| {
        fold(known.english) == folded
            || fold(known.french) == folded
            || known.also.contains(&folded.as_str())
    });
    known.map(|known| known.means.clone())
}

fn consent(rest: &str) -> Option<ColumnUse> {
    let (channel, category) = match rest.split_once(" / ") {
        Some((channel, category)) => (channel.trim(), Some(category.trim().to_owned())),
        None => (rest.trim(), None),
    };
    if category
        .as_ref()
        .is_some_and(|name| name.len() > CATEGORY_NAME_SIZE_MAX)
    {
        return None;
    }
    if EVERY.contains(&channel) {
        return Some(ColumnUse::Consent(None, category));
    }
    let channel = Channel::ALL
        .into_iter()
        .find(|one| one.as_str() == channel)?;
    Some(ColumnUse::Consent(Some(channel), category))
}

/// Whether several columns may mean this.
fn may_repeat(means: &ColumnUse) -> bool {
    matches!(
        means,
        ColumnUse::Ignore
            | ColumnUse::Email
            | ColumnUse::Mobile
            | ColumnUse::Landline
            | ColumnUse::Groups
            | ColumnUse::Field(_)
            | ColumnUse::Consent(..)
    )
}

/// What each column probably holds, and whether the first row names them.
#[must_use]
pub fn guess(table: &Table) -> (Vec<ColumnUse>, bool) {
    let width = table.width().min(IMPORT_COLUMNS_MAX);
    let titles: Vec<Option<ColumnUse>> = (0..width)
        .map(|column| meaning(table.cell(0, column).text))
        .collect();
    let named = titles.iter().flatten().count();
    let holds_values = (0..width).any(|column| {
        let text = table.cell(0, column).text;
        text.contains('@') || text.bytes().filter(u8::is_ascii_digit).count() > 5
    });
    let header = named > 0 && !holds_values;
    let first = usize::from(header);
    let mut columns: Vec<ColumnUse> = Vec::with_capacity(width);
    for (column, title) in titles.into_iter().enumerate() {
        let title = title.filter(|_| header);
        let means = title.unwrap_or_else(|| by_content(table, column, first));
        let taken = !may_repeat(&means) && columns.contains(&means);
        columns.push(if taken { ColumnUse::Ignore } else { means });
    }
    // "Nom" is the last name beside a first name, and the whole name without one.
    let has = |columns: &[ColumnUse], means: &ColumnUse| columns.contains(means);
    let halves = has(&columns, &ColumnUse::FirstName);
    for means in &mut columns {
        match means {
            ColumnUse::FullName if halves => *means = ColumnUse::Ignore,
            ColumnUse::LastName if !halves && fold_is_nom(table, header) => {
                *means = ColumnUse::FullName;
            }
            _ => {}
        }
    }
    (columns, header)
}

fn fold_is_nom(table: &Table, header: bool) -> bool {
    header && (0..table.width()).any(|column| fold(table.cell(0, column).text) == "nom")
}

/// Columns full of addresses say what they are.
fn by_content(table: &Table, column: usize, first: usize) -> ColumnUse {
    let texts = (first..table.len().min(first + SAMPLE_ROWS))
        .map(|row| table.cell(row, column).text)
        .filter(|text| !text.is_empty());
    let (mut all, mut emails) = (0, 0);
    for text in texts {
        all += 1;
        let halves = text.split_once('@');
        emails += usize::from(halves.is_some_and(|(_, domain)| domain.contains('.')));
    }
    if all > 0 && emails * 10 >= all * 8 {
        ColumnUse::Email
    } else {
        ColumnUse::Ignore
    }
}
