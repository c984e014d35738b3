//! The interfaces that a plugin may import, and sets of them.
//!
//! One small interface is one capability, so a set of interfaces is what a plugin may do. The set
//! is a bit field because it is asked at every host call.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::inspect::Kind;

/// An interface of the package `jackfield:plugin` that the host offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// Lines for the timeline and the operator's log.
    Log,
    /// The run's clock.
    Clock,
    /// The run's randomness.
    Random,
    /// HTTP to the outside.
    Http,
    /// Mail to the outside.
    Email,
    /// Digests and signatures.
    Crypto,
    /// The workspace's templates.
    Templates,
    /// The evaluator of conditions.
    Conditions,
    /// The run's variables.
    Variables,
    /// The run's contact.
    Contacts,
    /// Messages through the workspace's channels.
    Messages,
    /// The conversations with the contact.
    Conversations,
    /// The workspace's lists of contacts.
    Lists,
    /// The workspace's tables.
    Tables,
    /// The workspace's files.
    Files,
    /// The workspace's other workflows.
    Workflows,
}

impl Interface {
    /// Every interface, in the order of the contract.
    pub const ALL: [Interface; 16] = [
        Interface::Log,
        Interface::Clock,
        Interface::Random,
        Interface::Http,
        Interface::Email,
        Interface::Crypto,
        Interface::Templates,
        Interface::Conditions,
        Interface::Variables,
        Interface::Contacts,
        Interface::Messages,
        Interface::Conversations,
        Interface::Lists,
        Interface::Tables,
        Interface::Files,
        Interface::Workflows,
    ];

    /// The name as in the WIT, without package and version: `http`.
    pub const fn name(self) -> &'static str {
        match self {
            Interface::Log => "log",
            Interface::Clock => "clock",
            Interface::Random => "random",
            Interface::Http => "http",
            Interface::Email => "email",
            Interface::Crypto => "crypto",
            Interface::Templates => "templates",
            Interface::Conditions => "conditions",
            Interface::Variables => "variables",
            Interface::Contacts => "contacts",
            Interface::Messages => "messages",
            Interface::Conversations => "conversations",
            Interface::Lists => "lists",
            Interface::Tables => "tables",
            Interface::Files => "files",
            Interface::Workflows => "workflows",
        }
    }

    /// The grant that allows it, as an operator writes it: `import http`.
    pub const fn grant(self) -> &'static str {
        match self {
            Interface::Log => "import log",
            Interface::Clock => "import clock",
            Interface::Random => "import random",
            Interface::Http => "import http",
            Interface::Email => "import email",
            Interface::Crypto => "import crypto",
            Interface::Templates => "import templates",
            Interface::Conditions => "import conditions",
            Interface::Variables => "import variables",
            Interface::Contacts => "import contacts",
            Interface::Messages => "import messages",
            Interface::Conversations => "import conversations",
            Interface::Lists => "import lists",
            Interface::Tables => "import tables",
            Interface::Files => "import files",
            Interface::Workflows => "import workflows",
        }
    }

    /// Whether the world of this kind of plugin has it.
    pub const fn offered_to(self, kind: Kind) -> bool {
        match (self, kind) {
            (
                Interface::Log
                | Interface::Clock
                | Interface::Random
                | Interface::Http
                | Interface::Crypto,
                _,
            ) => true,
            (Interface::Email, kind) => matches!(kind, Kind::Connector),
            (_, kind) => matches!(kind, Kind::Step),
        }
    }

    /// Whether it needs no grant: it shows the plugin nothing but itself.
    pub const fn harmless(self) -> bool {
        matches!(self, Interface::Log | Interface::Clock | Interface::Random)
    }

    const fn bit(self) -> u32 {
        1 << self as u16
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is none of the contract's interfaces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no interface `{0}`; there are log, clock, random, http, email, crypto, templates, conditions, variables, contacts, messages, conversations, lists, tables, files and workflows"
)]
pub struct UnknownInterface(pub String);

impl FromStr for Interface {
    type Err = UnknownInterface;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Interface::ALL
            .into_iter()
            .find(|interface| interface.name() == name)
            .ok_or_else(|| UnknownInterface(name.to_owned()))
    }
}

/// A set of interfaces. As JSON a list of names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Interfaces(u32);

impl Interfaces {
    /// No interface.
    pub const NONE: Interfaces = Interfaces(0);

    /// Every interface that the world of this kind has.
    pub fn of(kind: Kind) -> Interfaces {
        Interface::ALL
            .into_iter()
            .filter(|interface| interface.offered_to(kind))
            .collect()
    }

    /// Whether the interface is in the set.
    pub const fn contains(self, interface: Interface) -> bool {
        self.0 & interface.bit() != 0
    }

    /// Adds an interface.
    pub const fn insert(&mut self, interface: Interface) {
        self.0 |= interface.bit();
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Interfaces) -> Interfaces {
        Interfaces(self.0 & other.0)
    }

    /// What is in this set, but not in the other.
    #[must_use]
    pub const fn without(self, other: Interfaces) -> Interfaces {
        Interfaces(self.0 & !other.0)
    }

    /// The interfaces, in the order of the contract.
    pub fn iter(self) -> impl Iterator<Item = Interface> {
        Interface::ALL
            .into_iter()
            .filter(move |interface| self.contains(*interface))
    }
}

impl FromIterator<Interface> for Interfaces {
    fn from_iter<I: IntoIterator<Item = Interface>>(interfaces: I) -> Self {
        let mut set = Interfaces::NONE;
        for interface in interfaces {
            set.insert(interface);
        }
        set
    }
}

impl fmt::Debug for Interfaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Interfaces {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Interfaces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Interface>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}
