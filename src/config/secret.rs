//! Passwords: read from files or systemd credentials, never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A secret is a password or a token, not a document.
const SECRET_SIZE_MAX: u64 = 4096;

/// Where secrets and other files are found.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The folder that relative paths start from: the configuration file's own.
    pub folder: PathBuf,
    /// systemd's `$CREDENTIALS_DIRECTORY`, if the daemon was given one.
    pub credentials: Option<PathBuf>,
    /// Leave secrets unread (and empty), to check a configuration on another machine.
    pub leave_secrets_unread: bool,
}

impl Surroundings {
    /// The surroundings of a file in `folder`, with the credentials that systemd
    /// names in the environment.
    #[must_use]
    pub fn of(folder: &Path) -> Surroundings {
        Surroundings {
            folder: folder.to_owned(),
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            leave_secrets_unread: false,
        }
    }
}

/// Where a secret was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `password_file`: a path.
    File(PathBuf),
    /// `password_credential`: the name of a systemd credential.
    Credential(String),
    /// `password`: in the configuration itself, which `server.inline_secrets` must allow.
    Inline,
}

/// A secret and where it came from. Neither `Debug` nor serialisation shows its value.
#[derive(Clone)]
pub struct Secret {
    source: SecretSource,
    value: SecretString,
}

impl Secret {
    pub(super) fn inline(value: &str) -> Secret {
        Secret {
            source: SecretSource::Inline,
            value: value.to_owned().into(),
        }
    }

    /// Reads the secret; one line end after it does not belong to it.
    pub(super) fn read(source: SecretSource, around: &Surroundings) -> Result<Secret, String> {
        let path = match &source {
            SecretSource::File(path) => around.folder.join(path),
            SecretSource::Credential(name) => credential_path(name, around)?,
            SecretSource::Inline => return Err("a secret without a source".to_owned()),
        };
        if around.leave_secrets_unread {
            return Ok(Secret {
                source,
                value: String::new().into(),
            });
        }
        let shown = path.display();
        let size = std::fs::metadata(&path)
            .map_err(|e| format!("cannot read {shown}: {e}"))?
            .len();
        if size > SECRET_SIZE_MAX {
            return Err(format!(
                "{shown} is longer than the {SECRET_SIZE_MAX} bytes of a secret"
            ));
        }
        let text =
            std::fs::read_to_string(&path).map_err(|e| format!("cannot read {shown}: {e}"))?;
        let value = text.strip_suffix('\n').unwrap_or(&text);
        let value = value.strip_suffix('\r').unwrap_or(value);
        if value.is_empty() {
            return Err(format!("{shown} is empty"));
        }
        if value.contains(['\r', '\n', '\0']) {
            return Err(format!("{shown} has more than one line"));
        }
        Ok(Secret {
            source,
            value: value.to_owned().into(),
        })
    }

    /// The secret itself, for the one place that must send it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.value.expose_secret()
    }

    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> &SecretSource {
        &self.source
    }
}

fn credential_path(name: &str, around: &Surroundings) -> Result<PathBuf, String> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(format!("\"{name}\" is not the name of a credential"));
    }
    match (&around.credentials, around.leave_secrets_unread) {
        (Some(folder), _) => Ok(folder.join(name)),
        (None, true) => Ok(PathBuf::from(name)),
        (None, false) => Err(format!(
            "no credentials were handed in ($CREDENTIALS_DIRECTORY is not set), \
             so \"{name}\" cannot be read"
        )),
    }
}

/// Two secrets are the same when they come from the same place with the same value.
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.source == other.source && self.reveal() == other.reveal()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({:?})", self.source)
    }
}

/// Serialises as the one key that names the source (to be flattened).
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(1))?;
        match &self.source {
            SecretSource::File(path) => map.serialize_entry("password_file", path)?,
            SecretSource::Credential(name) => map.serialize_entry("password_credential", name)?,
            SecretSource::Inline => map.serialize_entry("password", "(hidden)")?,
        }
        map.end()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn around(folder: &Path) -> Surroundings {
        let credentials = Some(folder.to_owned());
        Surroundings {
            folder: folder.to_owned(),
            credentials,
            leave_secrets_unread: false,
        }
    }

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("smsc"), "hunter2\n").unwrap();
        for source in [
            SecretSource::File("smsc".into()),
            SecretSource::Credential("smsc".into()),
        ] {
            let secret = Secret::read(source, &around(folder.path())).unwrap();
            assert_eq!(secret.reveal(), "hunter2");
            assert!(!format!("{secret:?}").contains("hunter2"));
            assert!(!serde_json::to_string(&secret).unwrap().contains("hunter2"));
        }
    }

    #[test]
    fn what_is_not_one_line_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let big = "x".repeat(5000);
        for (content, reason) in [
            ("", "empty"),
            ("\n", "empty"),
            ("a\nb\n", "line"),
            (&*big, "longer"),
        ] {
            std::fs::write(folder.path().join("s"), content).unwrap();
            let error =
                Secret::read(SecretSource::File("s".into()), &around(folder.path())).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        for name in ["../s", "", ".s", "none"] {
            let source = SecretSource::Credential(name.into());
            assert!(
                Secret::read(source, &around(folder.path())).is_err(),
                "{name}"
            );
        }
    }
}
