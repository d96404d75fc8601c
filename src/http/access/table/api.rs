//! The addresses of the API.

use super::super::{Need, RouteRule};
use super::{P, delete, everywhere, line, patch, post, put, read, take};

/// The user whose token it is.
pub(super) const OWN: &[RouteRule] = &[
    line("GET", "/api/v1/me", Need::Login, ""),
    patch("/api/v1/me", P::Own, "user.settings"),
    put("/api/v1/me/password", P::Own, "user.password"),
    read("/api/v1/me/sessions", P::Own),
    delete("/api/v1/me/sessions", P::Own, "session.end_all"),
    delete("/api/v1/me/sessions/{session}", P::Own, "session.end"),
];

/// Users, and the tokens of their programs.
pub(super) const USERS: &[RouteRule] = &[
    everywhere(read("/api/v1/users", P::Administer)),
    everywhere(post("/api/v1/users", P::Administer, "user.create")),
    everywhere(read("/api/v1/users/{id}", P::Administer)),
    everywhere(patch("/api/v1/users/{id}", P::Administer, "user.change")),
    everywhere(put(
        "/api/v1/users/{id}/password",
        P::Administer,
        "user.password",
    )),
    everywhere(post(
        "/api/v1/users/{id}/disable",
        P::Administer,
        "user.disable",
    )),
    everywhere(post(
        "/api/v1/users/{id}/enable",
        P::Administer,
        "user.enable",
    )),
    everywhere(read("/api/v1/users/{id}/sessions", P::Administer)),
    everywhere(delete(
        "/api/v1/users/{id}/sessions",
        P::Administer,
        "session.end_all",
    )),
    everywhere(delete(
        "/api/v1/users/{id}/second-factor",
        P::Administer,
        "second_factor.reset",
    )),
    everywhere(read("/api/v1/users/{id}/tokens", P::Administer)),
    everywhere(delete(
        "/api/v1/users/{id}/tokens/{token}",
        P::Administer,
        "token.revoke",
    )),
];

/// Templates, and what drafts take of them.
pub(super) const TEMPLATES: &[RouteRule] = &[
    read("/api/v1/templates", P::See),
    post("/api/v1/templates", P::ManageTemplates, "template.create"),
    read("/api/v1/templates/{id}", P::See),
    put(
        "/api/v1/templates/{id}",
        P::ManageTemplates,
        "template.change",
    ),
    read("/api/v1/templates/{id}/versions", P::See),
    put(
        "/api/v1/templates/{id}/state",
        P::ManageTemplates,
        "template.state",
    ),
    post("/api/v1/templates/{id}/render", P::Write, ""),
    post(
        "/api/v1/communications/{id}/template",
        P::Write,
        "communication.template",
    ),
];

pub(super) const MESSAGES: &[RouteRule] = &[
    read("/api/v1/communications", P::See),
    post("/api/v1/communications", P::Write, "communication.create"),
    read("/api/v1/communications/{id}", P::See),
    put(
        "/api/v1/communications/{id}",
        P::Write,
        "communication.change",
    ),
    delete(
        "/api/v1/communications/{id}",
        P::Write,
        "communication.delete",
    ),
    post(
        "/api/v1/communications/{id}/attachments",
        P::Write,
        "communication.attach",
    ),
    read("/api/v1/communications/{id}/attachments/{name}", P::See),
    delete(
        "/api/v1/communications/{id}/attachments/{name}",
        P::Write,
        "communication.detach",
    ),
    post(
        "/api/v1/communications/{id}/trial",
        P::Write,
        "communication.trial",
    ),
    post(
        "/api/v1/communications/{id}/follow",
        P::Write,
        "communication.follow",
    ),
    read("/api/v1/approvals", P::See),
    post(
        "/api/v1/communications/{id}/approval",
        P::Write,
        "approval.ask",
    ),
    post(
        "/api/v1/communications/{id}/approval/decision",
        P::Approve,
        "approval.decide",
    ),
    post(
        "/api/v1/communications/{id}/withdraw",
        P::Write,
        "communication.withdraw",
    ),
    read("/api/v1/communications/{id}/review", P::See),
    read("/api/v1/communications/{id}/preview", P::See),
    read("/api/v1/communications/{id}/hear", P::See),
    post(
        "/api/v1/communications/{id}/send",
        P::Send,
        "communication.send",
    ),
    read("/api/v1/communications/{id}/recontact", P::See),
    post(
        "/api/v1/communications/{id}/recontact",
        P::Send,
        "communication.recontact",
    ),
    everywhere(read("/api/v1/communications/{id}/statistics", P::See)),
    read("/api/v1/communications/{id}/people", P::See),
    read("/api/v1/communications/{id}/people/{contact}", P::See),
    take(
        "/api/v1/communications/{id}/statisticsAlert.xlsx",
        P::Export,
        "export.statistics",
    ),
    read("/api/v1/deliveries/{id}", P::See),
    take(
        "/api/v1/deliveries/{id}/evidence",
        P::Audit,
        "evidence.make",
    ),
    read("/api/v1/log", P::See),
    read("/api/v1/search", P::See),
    take("/api/v1/search/export", P::Export, "export.search"),
    take("/api/v1/log/export", P::Export, "export.log"),
    read("/api/v1/campaigns", P::See),
    post("/api/v1/campaigns", P::Arrange, "campaign.create"),
    read("/api/v1/campaigns/{id}", P::See),
    put("/api/v1/campaigns/{id}", P::Arrange, "campaign.change"),
    read("/api/v1/campaigns/{id}/communications", P::See),
];

pub(super) const REPLIES: &[RouteRule] = &[
    read("/api/v1/inbox", P::See),
    read("/api/v1/inbox/{id}", P::See),
    read("/api/v1/inbox/{id}/messages", P::See),
    read(
        "/api/v1/inbox/{id}/messages/{message}/files/{index}",
        P::See,
    ),
    read("/api/v1/inbox/{id}/messages/{message}/html", P::See),
    post("/api/v1/inbox/{id}/answer", P::Send, "thread.answer"),
    post("/api/v1/inbox/{id}/assign", P::Send, "thread.assign"),
    post("/api/v1/inbox/{id}/read", P::Send, "thread.read"),
    post("/api/v1/inbox/{id}/done", P::Send, "thread.finish"),
    post(
        "/api/v1/inbox/{id}/attach",
        P::ChangeContacts,
        "thread.attach",
    ),
];

pub(super) const PEOPLE: &[RouteRule] = &[
    read("/api/v1/contacts", P::See),
    post("/api/v1/contacts", P::ChangeContacts, "contact.create"),
    read("/api/v1/contacts/{id}", P::See),
    put("/api/v1/contacts/{id}", P::ChangeContacts, "contact.change"),
    patch("/api/v1/contacts/{id}", P::ChangeContacts, "contact.change"),
    everywhere(read("/api/v1/contacts/duplicates", P::ChangeContacts)),
    everywhere(post(
        "/api/v1/contacts/{id}/merge",
        P::ChangeContacts,
        "contact.merge",
    )),
    put(
        "/api/v1/contacts/{id}/consents",
        P::ChangeContacts,
        "contact.consent",
    ),
    read("/api/v1/contacts/{id}/log", P::See),
    post(
        "/api/v1/contacts/{id}/methods/{method}/reinstate",
        P::ChangeContacts,
        "method.reinstate",
    ),
    post(
        "/api/v1/contacts/{id}/methods/{method}/correct",
        P::ChangeContacts,
        "method.correct",
    ),
    delete(
        "/api/v1/contacts/{id}/methods/{method}",
        P::ChangeContacts,
        "method.remove",
    ),
    put(
        "/api/v1/contacts/{id}/methods/{method}/purposes",
        P::ChangeContacts,
        "method.purposes",
    ),
    post(
        "/api/v1/contacts/{id}/methods/{method}/opt-out",
        P::ChangeContacts,
        "method.opt_out",
    ),
    post(
        "/api/v1/contacts/{id}/methods/{method}/opt-in",
        P::ChangeContacts,
        "method.opt_in",
    ),
    post(
        "/api/v1/contacts/{id}/methods/{method}/verify",
        P::ChangeContacts,
        "method.verify",
    ),
    read("/api/v1/recipients", P::See),
    put(
        "/api/v1/recipients/{id}",
        P::ChangeContacts,
        "recipients.add",
    ),
    delete(
        "/api/v1/recipients/{id}",
        P::ChangeContacts,
        "recipients.remove",
    ),
    post(
        "/api/v1/recipients/add-all",
        P::ChangeContacts,
        "recipients.add_all",
    ),
    delete("/api/v1/recipients", P::ChangeContacts, "recipients.clear"),
];

pub(super) const PLACES: &[RouteRule] = &[
    read("/api/v1/groups", P::See),
    post("/api/v1/groups", P::Arrange, "group.create"),
    read("/api/v1/groups/{id}", P::See),
    everywhere(put("/api/v1/groups/{id}", P::Arrange, "group.change")),
    everywhere(delete("/api/v1/groups/{id}", P::Arrange, "group.delete")),
    put(
        "/api/v1/groups/{id}/members/{contact}",
        P::Arrange,
        "group.members",
    ),
    delete(
        "/api/v1/groups/{id}/members/{contact}",
        P::Arrange,
        "group.members",
    ),
    post("/api/v1/groups/{id}/add-all", P::Arrange, "group.add_all"),
    read("/api/v1/filters", P::See),
    post("/api/v1/filters", P::Arrange, "filter.create"),
    read("/api/v1/filters/{id}", P::See),
    everywhere(put("/api/v1/filters/{id}", P::Arrange, "filter.change")),
    everywhere(delete("/api/v1/filters/{id}", P::Arrange, "filter.delete")),
    read("/api/v1/areas", P::See),
    everywhere(post("/api/v1/areas", P::Administer, "area.create")),
    everywhere(put("/api/v1/areas/{id}", P::Administer, "area.change")),
    everywhere(delete("/api/v1/areas/{id}", P::Administer, "area.delete")),
];

pub(super) const FILES: &[RouteRule] = &[
    everywhere(read("/api/v1/imports", P::ChangeContacts)),
    everywhere(post("/api/v1/imports", P::ChangeContacts, "import.create")),
    everywhere(read("/api/v1/imports/{id}", P::ChangeContacts)),
    everywhere(delete(
        "/api/v1/imports/{id}",
        P::ChangeContacts,
        "import.discard",
    )),
    everywhere(read("/api/v1/imports/{id}/columns", P::ChangeContacts)),
    everywhere(post(
        "/api/v1/imports/{id}/check",
        P::ChangeContacts,
        "import.check",
    )),
    everywhere(take(
        "/api/v1/imports/{id}/findings",
        P::ChangeContacts,
        "export.findings",
    )),
    everywhere(post(
        "/api/v1/imports/{id}/start",
        P::ChangeContacts,
        "import.start",
    )),
    everywhere(post(
        "/api/v1/imports/{id}/cancel",
        P::ChangeContacts,
        "import.cancel",
    )),
    everywhere(post(
        "/api/v1/imports/{id}/undo",
        P::ChangeContacts,
        "import.undo",
    )),
    take("/api/v1/contacts/export", P::Export, "export.contacts"),
    read("/api/v1/audit", P::Audit),
    read("/api/v1/audit/standing", P::Audit),
    take("/api/v1/audit/export", P::Audit, "export.audit"),
];

/// Cases, and correspondence with clients and creditors.
pub(super) const MATTERS: &[RouteRule] = &[
    read("/api/v1/cases", P::See),
    post("/api/v1/cases", P::HandleCases, "case.open"),
    read("/api/v1/cases/{id}", P::See),
    put("/api/v1/cases/{id}", P::HandleCases, "case.change"),
    post("/api/v1/cases/{id}/status", P::HandleCases, "case.status"),
    post("/api/v1/cases/{id}/hold", P::Retain, "case.hold"),
    read("/api/v1/cases/{id}/log", P::See),
    read("/api/v1/cases/{id}/correspondence", P::See),
    read("/api/v1/contacts/{id}/correspondence", P::See),
    read("/api/v1/contacts/{id}/timeline", P::See),
    post("/api/v1/letters", P::Write, "letter.begin"),
    everywhere(read("/api/v1/retention", P::Retain)),
    everywhere(post(
        "/api/v1/retention/delete",
        P::Retain,
        "retention.delete",
    )),
    post("/api/v1/contacts/{id}/erase", P::Retain, "contact.erase"),
    read("/api/v1/correspondence", P::See),
    take(
        "/api/v1/correspondence/export",
        P::Export,
        "export.correspondence",
    ),
    take(
        "/api/v1/contacts/{id}/correspondence/export",
        P::Export,
        "export.correspondence",
    ),
    take(
        "/api/v1/cases/{id}/correspondence/export",
        P::Export,
        "export.correspondence",
    ),
    read("/api/v1/correspondence/{id}", P::See),
    read("/api/v1/correspondence/{id}/files", P::See),
    read("/api/v1/correspondence/{id}/files/{index}", P::See),
    post(
        "/api/v1/correspondence/{id}/file",
        P::HandleCases,
        "entry.file",
    ),
    post("/api/v1/notes", P::HandleCases, "note.add"),
];

/// Where news is sent to programs: it tells of everybody.
pub(super) const WEBHOOKS: &[RouteRule] = &[
    everywhere(read("/api/v1/webhooks", P::Administer)),
    everywhere(post("/api/v1/webhooks", P::Administer, "webhook.create")),
    everywhere(read("/api/v1/webhooks/{id}", P::Administer)),
    everywhere(put(
        "/api/v1/webhooks/{id}",
        P::Administer,
        "webhook.change",
    )),
    everywhere(delete(
        "/api/v1/webhooks/{id}",
        P::Administer,
        "webhook.delete",
    )),
    everywhere(post(
        "/api/v1/webhooks/{id}/test",
        P::Administer,
        "webhook.test",
    )),
    everywhere(put(
        "/api/v1/webhooks/{id}/state",
        P::Administer,
        "webhook.state",
    )),
    everywhere(post(
        "/api/v1/webhooks/{id}/secret",
        P::Administer,
        "webhook.secret",
    )),
    everywhere(delete(
        "/api/v1/webhooks/{id}/secret",
        P::Administer,
        "webhook.end_secret",
    )),
    everywhere(read("/api/v1/webhooks/{id}/news", P::Administer)),
    everywhere(post(
        "/api/v1/webhooks/{id}/news/{news}/resend",
        P::Administer,
        "webhook.resend",
    )),
];

/// What answers mean that no rule knows: it decides for everybody what is suspended.
pub(super) const ANSWERS: &[RouteRule] = &[
    everywhere(read("/api/v1/unknown-answers", P::Administer)),
    everywhere(read("/api/v1/unknown-answers/{id}", P::Administer)),
    everywhere(delete(
        "/api/v1/unknown-answers/{id}",
        P::Administer,
        "answer.forget",
    )),
    everywhere(put(
        "/api/v1/unknown-answers/{id}/name",
        P::Administer,
        "answer.name",
    )),
    everywhere(delete(
        "/api/v1/unknown-answers/{id}/name",
        P::Administer,
        "answer.unname",
    )),
];

/// Alerts that other programs hand in: what they say may be for anybody.
pub(super) const ALERTS: &[RouteRule] = &[
    everywhere(post(
        "/api/v1/alerts/alertmanager",
        P::Send,
        "alert.alertmanager",
    )),
    everywhere(post("/api/v1/alerts/cap", P::Send, "alert.cap")),
    read("/api/v1/areas/{id}/place", P::See),
    everywhere(put("/api/v1/areas/{id}/place", P::Administer, "area.place")),
];
