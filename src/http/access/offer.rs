//! What a page offers whoever looks at it: nothing that would be refused.

use super::super::view::Chrome;
use crate::domain::Permission;

impl Chrome {
    /// Whether whoever looks may do this.
    pub(crate) const fn may(&self, permission: Permission) -> bool {
        self.may.has(permission)
    }

    pub(crate) const fn may_write(&self) -> bool {
        self.may(Permission::Write)
    }

    pub(crate) const fn may_send(&self) -> bool {
        self.may(Permission::Send)
    }

    pub(crate) const fn may_handle_cases(&self) -> bool {
        self.may(Permission::HandleCases)
    }

    pub(crate) const fn may_change_contacts(&self) -> bool {
        self.may(Permission::ChangeContacts)
    }

    /// Whether whoever looks may join contacts and bring files of them: for those who cover
    /// everywhere.
    pub(crate) const fn may_import(&self) -> bool {
        self.may_change_contacts() && self.whole
    }

    pub(crate) const fn may_arrange(&self) -> bool {
        self.may(Permission::Arrange)
    }

    pub(crate) const fn may_export(&self) -> bool {
        self.may(Permission::Export)
    }

    pub(crate) const fn may_manage_templates(&self) -> bool {
        self.may(Permission::ManageTemplates)
    }

    pub(crate) const fn may_audit(&self) -> bool {
        self.may(Permission::Audit)
    }

    pub(crate) const fn may_retain(&self) -> bool {
        self.may(Permission::Retain)
    }

    pub(crate) const fn may_administer(&self) -> bool {
        self.may(Permission::Administer)
    }
}
