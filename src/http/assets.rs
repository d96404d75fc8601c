//! The few static files, at addresses that change with their content, so that browsers may
//! keep them for ever.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ring::digest::{SHA256, digest};
use std::sync::LazyLock;

use super::fault::Fault;

struct File {
    name: &'static str,
    extension: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

const FILES: [File; 7] = [
    File {
        name: "console",
        extension: "css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("assets/console.css"),
    },
    File {
        name: "live",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("assets/live.js"),
    },
    File {
        name: "compose",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("assets/compose.js"),
    },
    File {
        name: "bell",
        extension: "svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("assets/bell.svg"),
    },
    File {
        name: "entry",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("assets/entry.js"),
    },
    File {
        name: "programs",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("assets/programs.js"),
    },
    File {
        name: "files",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("assets/files.js"),
    },
];

/// Browsers may keep a file for a year: another content has another address.
const KEEP: &str = "public, max-age=31536000, immutable";

/// The addresses of the files.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(crate) css: String,
    pub(crate) live: String,
    pub(crate) compose: String,
    pub(crate) bell: String,
    pub(crate) entry: String,
    pub(crate) programs: String,
    pub(crate) files: String,
}

/// The addresses of the files.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let url = |file: &File| format!("/assets/{}", hashed_name(file));
    Assets {
        css: url(&FILES[0]),
        live: url(&FILES[1]),
        compose: url(&FILES[2]),
        bell: url(&FILES[3]),
        entry: url(&FILES[4]),
        programs: url(&FILES[5]),
        files: url(&FILES[6]),
    }
});

fn hash(file: &File) -> String {
    data_encoding::HEXLOWER.encode(&digest(&SHA256, file.bytes).as_ref()[..8])
}

fn hashed_name(file: &File) -> String {
    format!("{}-{}.{}", file.name, hash(file), file.extension)
}

/// `GET /assets/{name}`
pub(crate) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = FILES.iter().find(|file| hashed_name(file) == name) else {
        return Fault::NotFound.into_response();
    };
    let tag = format!("\"{}\"", hash(file));
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let common = [
        (header::CONTENT_TYPE, file.media_type.to_owned()),
        (header::CACHE_CONTROL, KEEP.to_owned()),
        (header::ETAG, tag),
    ];
    if unchanged {
        (StatusCode::NOT_MODIFIED, common).into_response()
    } else {
        (common, file.bytes).into_response()
    }
}
