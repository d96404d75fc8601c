#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/html");
/// Far above what any of the large inputs takes on a slow machine without optimisation.
const LONG: Duration = Duration::from_secs(20);

fn pictures() -> Vec<MailPicture> {
    let picture = |content_id: &str, bytes: &[u8]| MailPicture {
        content_id: content_id.to_owned(),
        bytes: bytes.to_vec(),
        file: None,
    };
    vec![
        picture("logo@mail", b"\x89PNG\r\n\x1a\nbytes"),
        picture("drawing@mail", b"<svg onload=alert(1)>"),
    ]
}

/// What a browser would run, fetch or send, among the tags and their attributes.
fn dangers(html: &str) -> Vec<String> {
    let tags = html.split('<').skip(1);
    let tags = tags.map(|tag| tag.split('>').next().unwrap_or_default());
    tags.filter(|tag| is_dangerous(tag))
        .map(str::to_owned)
        .collect()
}

fn is_dangerous(tag: &str) -> bool {
    let name: String = tag
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let known = balance::known_elements().any(|known| known == name) || name == "img";
    let pieces: Vec<&str> = tag[name.len()..].split('"').collect();
    let bad_attribute = pieces.chunks(2).any(|pair| {
        let value = pair.get(1).copied().unwrap_or_default();
        let leads = |schemes: &[&str]| schemes.iter().any(|scheme| value.starts_with(scheme));
        match pair[0].trim() {
            "src=" => !leads(&["data:image/"]),
            "href=" => !leads(&["https:", "http:", "mailto:", "tel:"]),
            "style=" => value.contains(['\\', '@', '/']) || value.contains("url("),
            "" | "/" => false,
            other => other.starts_with("on") || ["srcset=", "background=", "id="].contains(&other),
        }
    });
    !known || bad_attribute
}

/// `UPDATE=1 cargo test hostile_html` writes what comes out.
#[test]
fn hostile_html_does_nothing() {
    let mut inputs: Vec<_> = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".in.html"))
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 40, "{} inputs", inputs.len());
    for input in inputs {
        let cleaned = clean(&std::fs::read_to_string(&input).unwrap(), &pictures());
        let name = input.to_string_lossy().replace(".in.html", ".out.html");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&name, &cleaned.html).unwrap();
        }
        let wanted = std::fs::read_to_string(Path::new(&name)).unwrap_or_default();
        assert_eq!(cleaned.html, wanted, "{name}: UPDATE=1 writes it anew");
        assert_eq!(dangers(&cleaned.html), Vec::<String>::new(), "{name}");
        let again = clean(&cleaned.html, &[]);
        assert_eq!(dangers(&again.html), Vec::<String>::new(), "{name}, again");
    }
}

#[test]
fn nothing_nested_or_repeated_takes_long() {
    let many = |piece: &str, times: usize| piece.repeat(times);
    let attributes: String = (0..40_000).map(|n| format!(" a{n}=x")).collect();
    let forms: String = (0..5_000).map(|n| format!("<b title={n}>")).collect();
    let bad = [
        many("<div>", 100_000),
        many("<table><tr><td>", 40_000),
        many("<table>", 100_000),
        many("<b>", 100_000) + &many("<p>x", 50_000),
        forms + &many("<p>x</p>", 60_000),
        format!("<table>{}", many("<i><tr>x", 60_000)),
        many("<a href=https://a.example/>", 40_000),
        many("<ul><li>", 60_000),
        many("<svg>", 100_000),
        many("<!--", 100_000),
        many("<", 500_000),
        many("</div>", 100_000),
        many("<p title=\"", 50_000),
        format!("<p{attributes}>x</p>"),
        format!("<p style=\"{}\">x</p>", many("color:red;", 50_000)),
        many("&amp;", 200_000),
        format!("<table>{}", many("&amp;", 200_000)),
        many("\0\r", 200_000),
        many("<img src=\"cid:logo@mail\">", 40_000),
    ];
    for html in bad {
        let start = Instant::now();
        let cleaned = clean(&html, &pictures());
        let took = start.elapsed();
        let what = &html[..html.len().min(40)];
        assert!(took < LONG, "{what} took {took:?}");
        assert!(cleaned.html.len() < 24 * 1024 * 1024, "{what} grew");
        assert_eq!(dangers(&cleaned.html), Vec::<String>::new(), "{what}");
    }
    assert!(clean(&many("<p>x</p>", TAGS_MAX + 1), &[]).cut);
    assert!(!clean(&many("<p>x</p>", TAGS_MAX), &[]).cut);
    let deep = clean(&format!("{}end", many("<div>", 100_000)), &[]).html;
    assert_eq!(deep.matches("<div>").count(), DEPTH_MAX);
    assert!(deep.contains("end"), "the text of what is too deep is gone");
}

#[test]
fn any_cut_of_hostile_html_is_harmless() {
    let all: String = [
        "svg",
        "mutation_style",
        "forms",
        "table_text",
        "broken_comment",
    ]
    .iter()
    .map(|name| std::fs::read_to_string(format!("{FOLDER}/{name}.in.html")).unwrap())
    .collect();
    for end in (0..all.len()).filter(|end| all.is_char_boundary(*end)) {
        for part in [&all[..end], &all[end..]] {
            let cleaned = clean(part, &[]);
            assert_eq!(dangers(&cleaned.html), Vec::<String>::new(), "{part}");
        }
    }
}

#[test]
fn what_is_left_out_is_counted() {
    let cleaned = clean("<img src=https://a.example/x alt=Logo>", &[]);
    assert_eq!(cleaned.html, "<span>[image: Logo]</span>");
    assert_eq!((cleaned.remote_pictures, cleaned.cut), (1, false));
    assert!(clean(&"x".repeat(HTML_SIZE_MAX_BYTES + 1), &[]).cut);
    assert!(clean("<svg>all of it", &[]).cut);
}

#[test]
fn pictures_have_limits() {
    let mut large = pictures();
    large[0].bytes.resize(PICTURE_SIZE_MAX_BYTES + 1, 0);
    assert_eq!(
        clean("<img src=cid:logo@mail>", &large).html,
        "<span>[image]</span>"
    );
    large[0].bytes.truncate(PICTURE_SIZE_MAX_BYTES);
    let all = clean(&"<img src=cid:logo@mail>".repeat(20), &large).html;
    assert!(all.len() < PICTURES_SIZE_MAX_BYTES + 4096);
    assert!(all.matches("data:image/png").count() >= 3);
}

#[test]
fn the_page_escapes_what_is_put_around() {
    let page = page(&clean("<p>x</p>", &[]), "en", "<t>", &["a & <b>"]);
    assert!(page.contains("<title>&lt;t&gt;</title>"), "{page}");
    assert!(page.contains("<p class=\"note\">a &amp; &lt;b&gt;</p>"));
    assert!(page.contains("<main><p>x</p></main>"));
}

#[test]
fn many_comments_and_many_dashes_take_one_pass() {
    // One pass takes milliseconds; a search to the end for each comment took minutes.
    for piece in ["<!---->", "<!--x--!>", "<!--->"] {
        let html = format!("{}end", piece.repeat(HTML_SIZE_MAX_BYTES / piece.len() - 1));
        assert_eq!(clean(&html, &[]).html, "end", "{piece}");
    }
    let dashes = format!("<!--{}>end", "-".repeat(HTML_SIZE_MAX_BYTES - 100));
    assert_eq!(clean(&dashes, &[]).html, "end");
    assert_eq!(clean("<!-- a -- b --!x -->end", &[]).html, "end");
}

#[test]
fn a_picture_without_room_is_not_copied() {
    let mut large = pictures();
    large[0].bytes.resize(PICTURE_SIZE_MAX_BYTES, 0);
    // Copying each first would move more than 50 GB.
    let html = "<img src=cid:logo@mail>".repeat(TAGS_MAX - 1);
    let all = clean(&html, &large).html;
    assert_eq!(all.matches("data:image/png").count(), 4);
}
