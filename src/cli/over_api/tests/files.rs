//! What is read from files, so that no other user sees it among the processes, and written to
//! them.

use std::io::Read;
use std::os::unix::fs::FileTypeExt;

use super::*;

#[tokio::test]
async fn texts_and_scripts_are_read_from_files() {
    let served = served().await;
    let [one, _] = served.two_with_mobiles();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (text, script) = (
        file("text", "Boil water.\n"),
        file("script", "Please boil the water.\n"),
    );
    let one = one.to_string();
    let out = served
        .done(&[
            "send",
            "--category",
            "general",
            "--sms-text-file",
            &text,
            "--voice-script-file",
            &script,
            "--to",
            &one,
            "--yes",
            "--json",
        ])
        .await;
    let sent: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(sent["channels"], serde_json::json!(["text", "call"]));
    let shown: Value = served
        .done(&["status", sent["id"].as_str().unwrap(), "--json"])
        .await
        .parse()
        .unwrap();
    assert_eq!(shown["sms_text"], "Boil water.");
    assert_eq!(shown["voice_script"], "Please boil the water.");
    let twice = served
        .run(&[
            "send",
            "--category",
            "general",
            "--sms-text-file",
            "-",
            "--voice-script-file",
            "-",
            "--to",
            &one,
        ])
        .await;
    assert_eq!(twice.code, 1, "{}", twice.failure);
    assert!(twice.failure.contains("one of the texts only"));
}

#[tokio::test]
async fn a_contact_is_read_from_a_file() {
    let served = served().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contact.json");
    let path = file.to_str().unwrap();
    let contact =
        r#"{"first_name": "Zadie", "methods": [{"kind": "email", "to": "z@mail.example"}]}"#;
    std::fs::write(&file, contact).unwrap();
    let id = served.done(&["contacts", "add", "--from", path]).await;
    let shown = served.done(&["contacts", "show", id.trim()]).await;
    assert!(shown.contains("z@mail.example"), "{shown}");
    std::fs::write(&file, "no json").unwrap();
    let wrong = served.run(&["contacts", "add", "--from", path]).await;
    assert_eq!(wrong.code, 1, "{}", wrong.failure);
    let both = [
        "tocsin",
        "contacts",
        "add",
        "--from",
        path,
        "--email",
        "a@b.example",
    ];
    assert!(Arguments::try_parse_from(both).is_err());
}

#[tokio::test]
async fn an_export_follows_links_and_takes_the_place_of_files_alone() {
    let served = served().await;
    let folder = tempfile::tempdir().unwrap();
    let export = |to: std::path::PathBuf| {
        let served = &served;
        async move {
            let path = to.to_str().unwrap().to_owned();
            served.done(&["contacts", "export", "--out", &path]).await;
        }
    };
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    std::fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    export(link.clone()).await;
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    let whole = std::fs::read_to_string(&file).unwrap();
    assert!(whole.lines().count() > 2, "{whole}");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let mut open = std::fs::OpenOptions::new();
    let mut reader = open.read(true).write(true).open(&pipe).unwrap();
    export(pipe.clone()).await;
    let kind = std::fs::symlink_metadata(&pipe).unwrap().file_type();
    assert!(kind.is_fifo(), "it is no pipe any more");
    let mut got = vec![0; whole.len()];
    reader.read_exact(&mut got).unwrap();
    assert_eq!(String::from_utf8(got).unwrap(), whole);
}
