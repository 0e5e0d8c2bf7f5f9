//! How many files the process may have open. Each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The database with its readers, pictures that are read, the search index, mails on their way.
const BESIDES_CONNECTIONS: u64 = 256;

/// Raises the limit as far as the system allows, and takes back the connections to what it leaves. Otherwise a flood of
/// connections would keep the shop from its own files.
pub fn fit(connections: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it is");
            limit.current
        }
    };
    let fitting = fitting(connections, current);
    if fitting < connections {
        tracing::warn!(connections = fitting, "fewer connections than configured: the limit of open files allows no more");
    }
    fitting
}

/// At least half of the files, where there are very few.
fn fitting(connections: usize, files: Option<u64>) -> usize {
    let Some(files) = files else { return connections };
    let left = files.saturating_sub(BESIDES_CONNECTIONS).max(files / 2);
    connections.min(usize::try_from(left).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_shop() {
        for (connections, files, expect) in [
            (10_000, None, 10_000),
            (10_000, Some(1_048_576), 10_000),
            (10_000, Some(1024), 768),
            (100, Some(1024), 100),
            (300, Some(200), 100),
        ] {
            assert_eq!(fitting(connections, files), expect, "{connections} {files:?}");
        }
    }
}
