//! The pages.

use super::super::{Need, RouteRule};
use super::{P, everywhere, line, post, read, take};

/// The door, and what stands around the pages.
pub(super) const FRAME: &[RouteRule] = &[
    line("GET", "/login", Need::Public, ""),
    line("POST", "/login", Need::Public, "session.begin"),
    line("GET", "/login/code", Need::Public, ""),
    line("POST", "/login/code", Need::Public, "session.begin"),
    line("POST", "/logout", Need::Login, "session.end"),
    line("GET", "/assets/{name}", Need::Public, ""),
    line("GET", "/healthz", Need::Public, ""),
    line("GET", "/readyz", Need::Public, ""),
    line("GET", "/metrics", Need::Public, ""),
    line("GET", "/api/v1/openapi.json", Need::Public, ""),
    read("/", P::See),
    read("/api", P::Own),
    read("/exports/{watch}", P::Own),
    read("/me", P::Own),
    post("/me", P::Own, "user.settings"),
    post("/me/password", P::Own, "user.password"),
    post("/me/sessions/end", P::Own, "session.end"),
    post("/me/sessions/end-others", P::Own, "session.end_others"),
    read("/me/second-factor", P::Own),
    post("/me/second-factor", P::Own, "second_factor.begin"),
    post("/me/second-factor/confirm", P::Own, "second_factor.on"),
    post("/me/second-factor/off", P::Own, "second_factor.off"),
];

/// Templates, and what drafts take of them.
pub(super) const TEMPLATES: &[RouteRule] = &[
    read("/templates", P::See),
    post("/templates", P::ManageTemplates, "template.create"),
    read("/templates/new", P::ManageTemplates),
    read("/templates/{id}", P::See),
    post("/templates/{id}", P::ManageTemplates, "template.change"),
    read("/templates/{id}/edit", P::ManageTemplates),
    post(
        "/templates/{id}/state",
        P::ManageTemplates,
        "template.state",
    ),
    read("/communications/{id}/template", P::Write),
    post(
        "/communications/{id}/template",
        P::Write,
        "communication.template",
    ),
];

/// Communications, from the draft to what became of them.
pub(super) const MESSAGES: &[RouteRule] = &[
    read("/communications", P::See),
    post("/communications", P::Write, "communication.create"),
    read("/communications/new", P::Write),
    post("/communications/count", P::Write, ""),
    post("/communications/{id}/count", P::Write, ""),
    read("/communications/{id}", P::See),
    post("/communications/{id}", P::Write, "communication.change"),
    read("/communications/{id}/edit", P::Write),
    read("/communications/{id}/review", P::See),
    read("/communications/{id}/preview", P::See),
    read("/communications/{id}/hear", P::See),
    read("/communications/{id}/attachments", P::Write),
    post(
        "/communications/{id}/attachments",
        P::Write,
        "communication.attach",
    ),
    post(
        "/communications/{id}/attachments/remove",
        P::Write,
        "communication.detach",
    ),
    read("/communications/{id}/attachments/{index}", P::See),
    post(
        "/communications/{id}/trial",
        P::Write,
        "communication.trial",
    ),
    post("/communications/{id}/send", P::Send, "communication.send"),
    post("/communications/{id}/ask", P::Write, "approval.ask"),
    post("/communications/{id}/decide", P::Approve, "approval.decide"),
    post(
        "/communications/{id}/withdraw",
        P::Write,
        "communication.withdraw",
    ),
    read("/communications/{id}/delete", P::Write),
    post(
        "/communications/{id}/delete",
        P::Write,
        "communication.delete",
    ),
    read("/communications/{id}/follow", P::Write),
    post(
        "/communications/{id}/follow",
        P::Write,
        "communication.follow",
    ),
    read("/communications/{id}/events", P::See),
    read("/communications/{id}/people/{contact}", P::See),
    read("/communications/{id}/recontact", P::Send),
    post(
        "/communications/{id}/recontact",
        P::Send,
        "communication.recontact",
    ),
    take(
        "/communications/{id}/statisticsAlert.xlsx",
        P::Export,
        "export.statistics",
    ),
    read("/deliveries/{id}", P::See),
    take("/deliveries/{id}/evidence.zip", P::Audit, "evidence.make"),
    read("/search", P::See),
    take("/search/export", P::Export, "export.search"),
    read("/log", P::See),
    take("/log/export", P::Export, "export.log"),
    read("/campaigns", P::See),
    post("/campaigns", P::Arrange, "campaign.create"),
    read("/campaigns/{id}", P::See),
    post("/campaigns/{id}", P::Arrange, "campaign.change"),
];

/// What people write back.
pub(super) const REPLIES: &[RouteRule] = &[
    read("/inbox", P::See),
    read("/inbox/{id}", P::See),
    read("/inbox/{id}/messages/{message}/html", P::See),
    read("/inbox/{id}/messages/{message}/files/{index}", P::See),
    post(
        "/inbox/{id}/messages/{message}/files/{index}/scan",
        P::Send,
        "thread.scan",
    ),
    post("/inbox/{id}/answer", P::Send, "thread.answer"),
    post("/inbox/{id}/read", P::Send, "thread.read"),
    post("/inbox/{id}/assign", P::Send, "thread.assign"),
    post("/inbox/{id}/finish", P::Send, "thread.finish"),
    post("/inbox/{id}/attach", P::ChangeContacts, "thread.attach"),
    post(
        "/inbox/{id}/methods/{method}/reinstate",
        P::ChangeContacts,
        "method.reinstate",
    ),
    post(
        "/inbox/{id}/methods/{method}/correct",
        P::ChangeContacts,
        "method.correct",
    ),
];

/// Contacts, their methods, the list of recipients.
pub(super) const PEOPLE: &[RouteRule] = &[
    read("/issues", P::See),
    read("/contacts", P::See),
    post("/contacts", P::ChangeContacts, "contact.create"),
    read("/contacts/new", P::ChangeContacts),
    post("/contacts/check", P::ChangeContacts, ""),
    everywhere(read("/contacts/duplicates", P::ChangeContacts)),
    read("/contacts/{id}", P::See),
    post("/contacts/{id}", P::ChangeContacts, "contact.change"),
    read("/contacts/{id}/edit", P::ChangeContacts),
    everywhere(read("/contacts/{id}/merge", P::ChangeContacts)),
    everywhere(post(
        "/contacts/{id}/merge",
        P::ChangeContacts,
        "contact.merge",
    )),
    post(
        "/contacts/{id}/consents",
        P::ChangeContacts,
        "contact.consent",
    ),
    read("/contacts/{id}/log", P::See),
    post(
        "/contacts/{id}/methods/{method}/reinstate",
        P::ChangeContacts,
        "method.reinstate",
    ),
    post(
        "/contacts/{id}/methods/{method}/correct",
        P::ChangeContacts,
        "method.correct",
    ),
    read("/contacts/{id}/methods/{method}/remove", P::ChangeContacts),
    post(
        "/contacts/{id}/methods/{method}/remove",
        P::ChangeContacts,
        "method.remove",
    ),
    post(
        "/contacts/{id}/methods/{method}/purposes",
        P::ChangeContacts,
        "method.purposes",
    ),
    post(
        "/contacts/{id}/methods/{method}/opt-out",
        P::ChangeContacts,
        "method.opt_out",
    ),
    post(
        "/contacts/{id}/methods/{method}/opt-in",
        P::ChangeContacts,
        "method.opt_in",
    ),
    post(
        "/contacts/{id}/methods/{method}/verify",
        P::ChangeContacts,
        "method.verify",
    ),
    read("/recipients", P::See),
    post("/recipients/add", P::ChangeContacts, "recipients.add"),
    post(
        "/recipients/add-all",
        P::ChangeContacts,
        "recipients.add_all",
    ),
    post("/recipients/remove", P::ChangeContacts, "recipients.remove"),
    read("/recipients/clear", P::ChangeContacts),
    post("/recipients/clear", P::ChangeContacts, "recipients.clear"),
    post("/recipients/communicate", P::Write, "communication.create"),
];

/// Groups, filters, areas.
pub(super) const PLACES: &[RouteRule] = &[
    read("/groups", P::See),
    post("/groups", P::Arrange, "group.create"),
    post("/groups/add-all", P::Arrange, "group.add_all"),
    read("/groups/{id}", P::See),
    everywhere(post("/groups/{id}", P::Arrange, "group.change")),
    post("/groups/{id}/members", P::Arrange, "group.members"),
    everywhere(read("/groups/{id}/delete", P::Arrange)),
    everywhere(post("/groups/{id}/delete", P::Arrange, "group.delete")),
    read("/filters", P::See),
    post("/filters", P::Arrange, "filter.create"),
    everywhere(post("/filters/{id}", P::Arrange, "filter.change")),
    everywhere(read("/filters/{id}/delete", P::Arrange)),
    everywhere(post("/filters/{id}/delete", P::Arrange, "filter.delete")),
    read("/areas", P::See),
    everywhere(post("/areas", P::Administer, "area.create")),
    everywhere(read("/areas/{id}", P::Administer)),
    everywhere(post("/areas/{id}", P::Administer, "area.change")),
    everywhere(post("/areas/{id}/place", P::Administer, "area.place")),
    everywhere(read("/areas/{id}/delete", P::Administer)),
    everywhere(post("/areas/{id}/delete", P::Administer, "area.delete")),
];

/// Contacts from and to files.
pub(super) const FILES: &[RouteRule] = &[
    everywhere(read("/contacts/import", P::ChangeContacts)),
    everywhere(post("/contacts/import", P::ChangeContacts, "import.create")),
    everywhere(read("/contacts/imports/{id}", P::ChangeContacts)),
    everywhere(read("/contacts/imports/{id}/columns", P::ChangeContacts)),
    everywhere(post(
        "/contacts/imports/{id}/columns",
        P::ChangeContacts,
        "import.check",
    )),
    everywhere(post(
        "/contacts/imports/{id}/start",
        P::ChangeContacts,
        "import.start",
    )),
    everywhere(post(
        "/contacts/imports/{id}/cancel",
        P::ChangeContacts,
        "import.cancel",
    )),
    everywhere(post(
        "/contacts/imports/{id}/discard",
        P::ChangeContacts,
        "import.discard",
    )),
    everywhere(read("/contacts/imports/{id}/undo", P::ChangeContacts)),
    everywhere(post(
        "/contacts/imports/{id}/undo",
        P::ChangeContacts,
        "import.undo",
    )),
    everywhere(read("/contacts/imports/{id}/events", P::ChangeContacts)),
    everywhere(take(
        "/contacts/imports/{id}/findings.csv",
        P::ChangeContacts,
        "export.findings",
    )),
    read("/contacts/export", P::Export),
    take("/contacts/export/file", P::Export, "export.contacts"),
];

/// Users and the tokens of their programs.
pub(super) const USERS: &[RouteRule] = &[
    read("/audit", P::Audit),
    take("/audit/export", P::Audit, "export.audit"),
    everywhere(read("/users", P::Administer)),
    everywhere(post("/users", P::Administer, "user.create")),
    everywhere(read("/users/new", P::Administer)),
    everywhere(read("/users/{id}", P::Administer)),
    everywhere(post("/users/{id}", P::Administer, "user.change")),
    everywhere(post("/users/{id}/password", P::Administer, "user.password")),
    everywhere(read("/users/{id}/disable", P::Administer)),
    everywhere(post("/users/{id}/disable", P::Administer, "user.disable")),
    everywhere(post("/users/{id}/enable", P::Administer, "user.enable")),
    everywhere(post(
        "/users/{id}/sessions/end",
        P::Administer,
        "session.end_all",
    )),
    everywhere(post(
        "/users/{id}/second-factor/reset",
        P::Administer,
        "second_factor.reset",
    )),
    everywhere(read("/users/{id}/tokens", P::Administer)),
    everywhere(post("/users/{id}/tokens", P::Administer, "token.create")),
    everywhere(read("/users/{id}/tokens/{token}/revoke", P::Administer)),
    everywhere(post(
        "/users/{id}/tokens/{token}/revoke",
        P::Administer,
        "token.revoke",
    )),
];

/// Cases, and correspondence with clients and creditors.
pub(super) const MATTERS: &[RouteRule] = &[
    read("/cases", P::See),
    post("/cases", P::HandleCases, "case.open"),
    read("/cases/new", P::HandleCases),
    read("/cases/{id}", P::See),
    post("/cases/{id}", P::HandleCases, "case.change"),
    read("/cases/{id}/edit", P::HandleCases),
    read("/cases/{id}/log", P::See),
    read("/cases/{id}/status", P::HandleCases),
    post("/cases/{id}/status", P::HandleCases, "case.status"),
    post("/cases/{id}/hold", P::Retain, "case.hold"),
    everywhere(read("/retention", P::Retain)),
    everywhere(read("/retention/delete", P::Retain)),
    everywhere(post("/retention/delete", P::Retain, "retention.delete")),
    read("/contacts/{id}/erase", P::Retain),
    post("/contacts/{id}/erase", P::Retain, "contact.erase"),
    read("/correspondence", P::See),
    take("/correspondence/export", P::Export, "export.correspondence"),
    take(
        "/contacts/{id}/correspondence/export",
        P::Export,
        "export.correspondence",
    ),
    take("/cases/{id}/export", P::Export, "export.correspondence"),
    read("/correspondence/{id}", P::See),
    read("/correspondence/{id}/again", P::Write),
    post("/correspondence/{id}/file", P::HandleCases, "entry.file"),
    read("/correspondence/{id}/files/{index}", P::See),
    read("/contacts/{id}/correspondence", P::See),
    read("/contacts/{id}/timeline", P::See),
    read("/letters/new", P::Write),
    post("/letters", P::Write, "letter.begin"),
    read("/notes/new", P::HandleCases),
    post("/notes", P::HandleCases, "note.add"),
];

/// Where news is sent to programs: it tells of everybody.
pub(super) const WEBHOOKS: &[RouteRule] = &[
    everywhere(read("/webhooks", P::Administer)),
    everywhere(post("/webhooks", P::Administer, "webhook.create")),
    everywhere(read("/webhooks/new", P::Administer)),
    everywhere(read("/webhooks/{id}", P::Administer)),
    everywhere(post("/webhooks/{id}", P::Administer, "webhook.change")),
    everywhere(post("/webhooks/{id}/test", P::Administer, "webhook.test")),
    everywhere(post(
        "/webhooks/{id}/enable",
        P::Administer,
        "webhook.enable",
    )),
    everywhere(post(
        "/webhooks/{id}/disable",
        P::Administer,
        "webhook.disable",
    )),
    everywhere(post(
        "/webhooks/{id}/secret",
        P::Administer,
        "webhook.secret",
    )),
    everywhere(post(
        "/webhooks/{id}/one-secret",
        P::Administer,
        "webhook.end_secret",
    )),
    everywhere(post(
        "/webhooks/{id}/resend",
        P::Administer,
        "webhook.resend",
    )),
    everywhere(read("/webhooks/{id}/delete", P::Administer)),
    everywhere(post(
        "/webhooks/{id}/delete",
        P::Administer,
        "webhook.delete",
    )),
];

/// What answers mean that no rule knows: it decides for everybody what is suspended.
pub(super) const ANSWERS: &[RouteRule] = &[
    everywhere(read("/unknown-answers", P::Administer)),
    everywhere(post(
        "/unknown-answers/{id}/name",
        P::Administer,
        "answer.name",
    )),
    everywhere(post(
        "/unknown-answers/{id}/unname",
        P::Administer,
        "answer.unname",
    )),
    everywhere(post(
        "/unknown-answers/{id}/forget",
        P::Administer,
        "answer.forget",
    )),
];
