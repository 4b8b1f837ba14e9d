//! What a server's configuration says.

use anyhow::Result;

use super::archive::Archive;
use super::{Follows, Node, give_to_server_user};
use crate::files;
use crate::servers::{Purpose, Setup};

/// Who may log in how. Not by SCRAM: its 4096 rounds cost a debug build a good part of a second
/// per connection, and protect nothing where passwords are 128 random bits on a loopback address.
/// Tests, with their thousands of connections, do without.
pub(super) fn access(purpose: Purpose) -> String {
    let method = match purpose {
        Purpose::Stack => "md5",
        Purpose::Tests => "trust",
    };
    format!(
        "host all all 127.0.0.1/32 {method}\n\
         host replication all 127.0.0.1/32 {method}\n"
    )
}

/// Writes `mes.conf`, anew at each start: ports may have changed. Later lines win.
pub fn write_settings(setup: &Setup, node: Node, follows: Follows) -> Result<()> {
    let quoted =
        |(name, value): (&str, String)| format!("{name} = '{}'\n", value.replace('\'', "''"));
    let own = own_settings(setup, node, follows).into_iter().map(quoted);
    let mut lines = [EVERYWHERE, settings_for(setup.purpose), &own.collect::<String>()].concat();
    if setup.purpose == Purpose::Stack {
        lines += &Archive::of(setup).inclusion();
    }
    let path = node.data(setup).join("mes.conf");
    files::write_private(&path, &lines)?;
    give_to_server_user(&path)
}

fn own_settings(setup: &Setup, node: Node, follows: Follows) -> Vec<(&'static str, String)> {
    let mut settings = vec![("port", node.port(setup).to_string())];
    if setup.purpose == Purpose::Stack {
        let others = Node::all(setup.purpose).filter(|other| *other != node).map(Node::slot);
        let others = others.collect::<Vec<_>>().join(", ");
        settings.push(("synchronous_standby_names", format!("ANY 1 ({others})")));
    } else if follows != Follows::Nobody {
        // A standby inherits the whole configuration; this one stays small.
        settings.push(("shared_buffers", "64MB".to_owned()));
    }
    let (source, name) = match follows {
        Follows::Nobody => return settings,
        Follows::Unnamed(source) => (source, "joining".to_owned()),
        Follows::AsStandby(source) => (source, node.slot()),
    };
    let (port, password) = (source.port(setup), &setup.secrets.postgres);
    let source = format!(
        "host=127.0.0.1 port={port} user=postgres password={password} application_name={name}"
    );
    settings.push(("primary_conninfo", source));
    settings.push(("primary_slot_name", node.slot()));
    settings.push(("hot_standby_feedback", "on".to_owned()));
    // What a standby's readers may still need is kept on the primary: by default, until a report of ten seconds ago allows
    // to forget it, and whoever claims the next job walks over all that died in between.
    settings.push(("wal_receiver_status_interval", "1s".to_owned()));
    settings
}

/// Of every server.
const EVERYWHERE: &str = "listen_addresses = '127.0.0.1'\n\
     unix_socket_directories = ''\n\
     shared_preload_libraries = 'pg_stat_statements'\n\
     wal_level = 'replica'\n\
     max_wal_senders = '10'\n\
     max_replication_slots = '10'\n\
     max_slot_wal_keep_size = '4GB'\n\
     shared_buffers = '256MB'\n";

const fn settings_for(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Stack => {
            "wal_retrieve_retry_interval = '200ms'\n\
             max_connections = '200'\n\
             # Every checkpoint makes the log carry whole pages again: let time bring them on, not the load.\n\
             max_wal_size = '4GB'\n\
             wal_compression = 'lz4'\n\
             idle_in_transaction_session_timeout = '60s'\n\
             log_min_duration_statement = '500ms'\n\
             # Switching it on would need a restart; so it is, and what it does by itself is nothing.\n\
             archive_mode = 'always'\n\
             archive_command = '/bin/true'\n"
        }
        // fsync off: the operating system keeps what a killed process has written, so tests that
        // kill PostgreSQL lose nothing; only a machine that loses power would.
        Purpose::Tests => {
            "max_connections = '400'\n\
             fsync = 'off'\n\
             # Nobody waits for this standby but the test that starts it.\n\
             synchronous_standby_names = 'standby_of_a_test'\n\
             synchronous_commit = 'local'\n\
             full_page_writes = 'off'\n\
             autovacuum_naptime = '5min'\n"
        }
    }
}
