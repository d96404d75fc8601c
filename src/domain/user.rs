//! People and programs that log in.

use super::access::CaseScope;
use super::address::{EmailAddress, PhoneNumber};
use super::ids::{AreaId, UserId};
use super::redacted::Redacted;
use super::second_factor::SecondFactor;
use super::sentence::Sentence;
use super::timestamp::Timestamp;

/// Most areas one user covers.
pub const USER_AREAS_MAX: usize = 200;

/// Longest login name, in characters.
pub const LOGIN_MAX: usize = 64;
/// Longest name that others see, in characters.
pub const USER_NAME_MAX: usize = 100;
/// Shortest password taken, in characters (NIST SP 800-63B asks for at least 8).
pub const PASSWORD_MIN: usize = 10;
/// Longest password taken, in octets.
pub const PASSWORD_SIZE_MAX: usize = 1024;

/// A login name as it is kept: in lower case.
///
/// # Errors
/// With a plain sentence when nobody could log in by it.
pub fn login_name(text: &str) -> Result<String, Sentence> {
    let login = text.trim().to_lowercase();
    if login.is_empty() {
        return Err("Choose a login name.".into());
    }
    if login.chars().count() > LOGIN_MAX {
        return Err(too_long(LOGIN_MAX));
    }
    let fits = |c: char| c.is_alphanumeric() || "._-@+".contains(c);
    if login.chars().all(fits) {
        Ok(login)
    } else {
        Err("A login name has letters, digits and . _ - @ + only.".into())
    }
}

/// The name that others see.
///
/// # Errors
/// With a plain sentence when it is none.
pub fn display_name(text: &str) -> Result<String, Sentence> {
    let name = text.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err("Enter a name.".into());
    }
    if name.chars().count() > USER_NAME_MAX {
        return Err(too_long(USER_NAME_MAX));
    }
    Ok(name.to_owned())
}

/// What keeps a text from being a password, if anything.
#[must_use]
pub fn password_problem(text: &str) -> Option<Sentence> {
    if text.chars().count() < PASSWORD_MIN {
        return Some(Sentence::with(
            "A password has at least {0} characters.",
            &[&PASSWORD_MIN],
        ));
    }
    (text.len() > PASSWORD_SIZE_MAX).then(|| too_long(PASSWORD_SIZE_MAX))
}

fn too_long(limit: usize) -> Sentence {
    Sentence::with("This is too long: at most {0} characters.", &[&limit])
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything.
    Administrator,
    /// An operator who also says yes or no to what others want to send, and keeps the templates.
    Approver,
    /// Writes and sends, reinstates, edits contacts.
    Operator,
    /// Reads everything within the same bounds, and the audit log; changes nothing.
    Auditor,
    /// Reads; changes nothing, takes no files out.
    Viewer,
    /// An application: submits mail, sees no page.
    Application,
}

impl Role {
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 6] = [
        Self::Administrator,
        Self::Approver,
        Self::Operator,
        Self::Auditor,
        Self::Viewer,
        Self::Application,
    ];

    /// Whether somebody of this role works at the console.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        !matches!(self, Self::Application)
    }

    /// Its name in pages and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Approver => "approver",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Viewer => "viewer",
            Self::Application => "application",
        }
    }
}

/// Somebody who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Login name, in lower case, unique.
    pub login: String,
    /// Name that others see.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Argon2id hash in PHC string form.
    pub password_hash: Redacted<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Language of pages, an ISO 639-1 code; none for the installation's.
    pub language: Option<String>,
    /// IANA name of the zone in which times are shown; none for the installation's.
    pub time_zone: Option<String>,
    /// Where trials and notices go.
    pub email: Option<Redacted<EmailAddress>>,
    /// Where trials of texts and calls go.
    pub mobile: Option<Redacted<PhoneNumber>>,
    /// The areas this user covers; empty for all.
    pub areas: Vec<AreaId>,
    /// Which cases this user sees, and so which clients and creditors.
    pub case_scope: CaseScope,
    /// Told by mail when a reply has come in.
    pub notify_replies: bool,
    /// May not log in any more.
    pub disabled: bool,
    /// What the user proves with besides the password; none while it is not turned on.
    pub second_factor: Option<SecondFactor>,
}

impl User {
    /// Whether this user may log in and administer users: whoever is bound to areas or cases would
    /// loose the bonds otherwise.
    #[must_use]
    pub const fn administers(&self) -> bool {
        matches!(self.role, Role::Administrator)
            && !self.disabled
            && self.areas.is_empty()
            && matches!(self.case_scope, CaseScope::All)
    }
}

/// A login to the console that lasts a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's token; the token itself is never kept.
    pub token_hash: [u8; 32],
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the token that every form carries (CSRF).
    pub csrf_hash: [u8; 32],
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used; written at most once a minute.
    pub used_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// From which kind of browser it began, as "Firefox, Windows"; none where nothing told.
    pub browser: Option<String>,
    /// From which network it began, as "192.0.2.0/24"; none where nothing told.
    pub network: Option<Redacted<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_names_are_lowered_and_plain() {
        assert_eq!(
            login_name(" Ida.Bell@example.org "),
            Ok("ida.bell@example.org".into())
        );
        assert_eq!(login_name("Zoé"), Ok("zoé".into()));
        let long = "a".repeat(LOGIN_MAX + 1);
        for text in ["", "  ", "a b", "a\tb", "a/b", "a\0", long.as_str()] {
            assert!(login_name(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn names_and_passwords_have_their_limits() {
        assert_eq!(display_name(" Ida Bell "), Ok("Ida Bell".into()));
        assert!(display_name("").is_err() && display_name("a\nb").is_err());
        assert!(display_name(&"a".repeat(USER_NAME_MAX + 1)).is_err());
        assert!(password_problem("short").is_some());
        assert!(password_problem("ééééééééé").is_some(), "nine characters");
        assert!(password_problem("long enough").is_none());
        assert!(password_problem(&"a".repeat(PASSWORD_SIZE_MAX + 1)).is_some());
    }
}
