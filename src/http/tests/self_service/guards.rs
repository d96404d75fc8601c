//! What strangers learn and may do: nothing.

use super::*;
use crate::domain::Method;

/// What every answer about an address takes at least: on a standing clock work takes no time.
const LEVEL: std::time::Duration = std::time::Duration::from_millis(400);

#[tokio::test(start_paused = true)]
async fn known_and_unknown_get_the_same_answer_in_the_same_time() {
    let public = public().await;
    let (_, known) = public.somebody();
    let mut answers = Vec::new();
    for to in [known.reveal(), "nobody.at.all@example.org"] {
        let began = tokio::time::Instant::now();
        let answer = public.post("/log-in", "", &[("to", to)]).await;
        let took = began.elapsed();
        assert!(took >= LEVEL, "the work alone tells");
        answers.push((answer.status, answer.body.replace(to, "ADDRESS"), took));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(public.world.repo.ticket_count().unwrap(), 1);
    // A wrong code, too: with a ticket and without.
    let mut answers = Vec::new();
    for to in [known.reveal(), "nobody.at.all@example.org"] {
        let began = tokio::time::Instant::now();
        let answer = public
            .post("/code", "", &[("to", to), ("code", "000000")])
            .await;
        let took = began.elapsed();
        assert!(took >= LEVEL, "the work alone tells");
        answers.push((answer.status, answer.body.replace(to, "ADDRESS"), took));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, StatusCode::UNPROCESSABLE_ENTITY);
    // And whoever signs up.
    let mut answers = Vec::new();
    for to in [known.reveal(), "nobody.else@example.org"] {
        let began = tokio::time::Instant::now();
        let fields = [("first_name", "Nia"), ("email", to), ("agree", "yes")];
        let answer = public.post("/sign-up", "", &fields).await;
        answers.push((answer.status, answer.body, began.elapsed()));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, StatusCode::OK);
    assert!(answers[0].2 >= LEVEL);
}

#[tokio::test(start_paused = true)]
async fn adding_an_address_tells_nobody_whether_it_is_known() {
    let public = public().await;
    let (visitor, own) = public.somebody();
    let (cookie, csrf) = public.log_in(&own).await;
    let of_another = public.world.contacts.iter().find_map(|id| {
        let contact = public.contact(*id);
        let is_email = |method: &&Method| method.kind == MethodKind::Email;
        let method = contact.methods.iter().find(is_email)?;
        (*id != visitor.id).then(|| method.destination.reveal().to_owned())
    });
    let known = of_another.unwrap();
    let unknown = "nobody.at.all@example.org";
    let replace = format!("/me/methods/{}/replace", visitor.methods[0].id);
    for (path, field) in [("/me/methods/add", "added"), (replace.as_str(), "to")] {
        let mut answers = Vec::new();
        for to in [known.as_str(), unknown] {
            public.post("/log-in", "", &[("to", to)]).await;
            let began = tokio::time::Instant::now();
            let fields = [("csrf", csrf.as_str()), ("kind", "email"), (field, to)];
            let answer = public.post(path, &cookie, &fields).await;
            answers.push((answer.location().to_owned(), began.elapsed()));
        }
        assert_eq!(answers[0], answers[1], "{path}");
        assert_eq!(answers[0].0, "/me?done=sent");
        assert!(answers[0].1 >= LEVEL);
        public.world.clock.advance(MINUTE);
    }
    // What is theirs they know already.
    let again = [("csrf", csrf.as_str()), ("to", own.reveal())];
    let mut done = String::new();
    for _ in 0..2 {
        let answer = public.post(&replace, &cookie, &again).await;
        done = answer.location().to_owned();
    }
    assert_eq!(done, "/me?done=soon");
}

#[tokio::test(start_paused = true)]
async fn opening_links_and_pages_changes_nothing() {
    let public = public().await;
    let (contact, to) = public.somebody();
    public.post("/log-in", "", &[("to", to.reveal())]).await;
    let token = public.secrets(&to).token;
    let delivery = public
        .world
        .repo
        .deliveries_of(contact.id, None, 1)
        .unwrap()
        .rows
        .remove(0);
    let unsubscribe = links().unsubscribe(delivery.id);
    let before = public.everything();
    for path in [
        "/",
        "/?lang=fr",
        "/code",
        "/sign-up",
        &format!("/v/{token}"),
        "/v/unknown",
        unsubscribe.strip_prefix(HERE).unwrap(),
        "/u/unknown",
        "/me",
        "/me/delete",
        "/me/data.json",
    ] {
        public.get(path, "").await;
    }
    assert_eq!(public.everything(), before);
    // The link still works.
    let entered = public.post(&format!("/v/{token}"), "", &[]).await;
    assert_eq!(entered.location(), "/me");
    // Once.
    let again = public.post(&format!("/v/{token}"), "", &[]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn the_data_is_not_put_together_as_often_as_somebody_likes() {
    let public = public().await;
    let (_, to) = public.somebody();
    let (cookie, _) = public.log_in(&to).await;
    let max = PublicSettings::default().tries_per_ip_max;
    let mut given = 0;
    for _ in 0..=max {
        let data = public.get("/me/data.json", &cookie).await;
        given += u32::from(data.status == StatusCode::OK);
    }
    assert!((1..max).contains(&given), "{given}");
    let over = public.get("/me/data.json", &cookie).await;
    assert_eq!(over.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(start_paused = true)]
async fn forms_need_their_token_and_our_page() {
    let public = public().await;
    let (contact, to) = public.somebody();
    let (cookie, csrf) = public.log_in(&to).await;
    let fields = [("first_name", "Eve"), ("language", "en")];
    let unsigned = public.post("/me/details", &cookie, &fields).await;
    assert_eq!(unsigned.status, StatusCode::FORBIDDEN);
    let signed = [
        ("csrf", csrf.as_str()),
        ("first_name", "Eve"),
        ("language", "en"),
    ];
    let elsewhere = "https://evil.example";
    for path in [
        "/me/details",
        "/log-in",
        "/code",
        "/sign-up",
        "/v/token",
        "/log-out",
    ] {
        let answer = public.post_from(elsewhere, path, &cookie, &signed).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_ne!(public.contact(contact.id).first_name.reveal(), "Eve");
}

#[tokio::test(start_paused = true)]
async fn logging_out_ends_the_session_however_long_the_page_was_read() {
    for pause in [Duration::ZERO, MINUTE] {
        let public = public().await;
        let (_, to) = public.somebody();
        let (cookie, csrf) = public.log_in(&to).await;
        public.world.clock.advance(pause);
        let out = public
            .post("/log-out", &cookie, &[("csrf", csrf.as_str())])
            .await;
        assert_eq!(out.location(), "/?done=bye");
        let after = public.get("/me", &cookie).await;
        assert_eq!(after.location(), "/", "after {pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn codes_cannot_be_guessed_and_strangers_are_slowed_down() {
    let public = public_with(PublicSettings {
        tries_per_ip_max: 8,
        ..PublicSettings::default()
    })
    .await;
    let (_, to) = public.somebody();
    public.post("/log-in", "", &[("to", to.reveal())]).await;
    let code = public.secrets(&to).code;
    let guess = |code: &str| {
        let code = code.to_owned();
        let to = to.reveal().to_owned();
        let public = &public;
        async move {
            public
                .post("/code", "", &[("to", &to), ("code", &code)])
                .await
        }
    };
    for _ in 0..5 {
        assert_eq!(
            guess("000000").await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
    assert_eq!(guess(&code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        guess("000000").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let slowed = guess("000000").await;
    assert_eq!(slowed.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(slowed.headers.contains_key(header::RETRY_AFTER));
    // Whoever is known and whoever is not waits alike.
    let asked = public.post("/log-in", "", &[("to", "x@example.org")]).await;
    assert_eq!(asked.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(start_paused = true)]
async fn the_console_is_not_here_and_these_pages_are_not_there() {
    let public = public().await;
    for path in [
        "/login",
        "/contacts",
        "/users",
        "/metrics",
        "/healthz",
        "/readyz",
    ] {
        let answer = public.get(path, "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in [
        "/sign-up",
        "/me/delete",
        "/code",
        "/v/x",
        "/u/x",
        "/o/x.gif",
        "/l/x",
    ] {
        let answer = public.world.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}
