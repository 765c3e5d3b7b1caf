use super::Account;

/// What an account may do to others at the surfaces. Its own list may hold more, for other services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// See others, and what is ordered of them.
    UsersRead,
    /// Turn others' factors on and off, and give orders. Whoever may do that sees them as well.
    UsersUpdate,
    /// Turn all of another's factors off.
    PasswordUpdate,
}

impl Permission {
    pub fn as_str(self) -> &'static str {
        match self {
            Permission::UsersRead => "users:read",
            Permission::UsersUpdate => "users:update",
            Permission::PasswordUpdate => "password:update",
        }
    }
}

impl Account {
    pub fn may(&self, permission: Permission) -> bool {
        let has = |permission: Permission| self.permissions.contains(permission.as_str());
        has(permission) || (permission == Permission::UsersRead && has(Permission::UsersUpdate))
    }
}
