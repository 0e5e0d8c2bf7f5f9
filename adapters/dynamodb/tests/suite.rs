//! The suite of all stores against two implementations of DynamoDB, plainly and with a tenth of all calls
//! failing. What DynamoDB itself adds is in `adapter.rs` and `metering.rs`.

#![allow(clippy::unwrap_used)]

mod support;

mod dynoxide {
    async fn home() -> super::support::Home {
        crate::support::home(&crate::support::endpoint(crate::support::DYNOXIDE)).await
    }

    suite::store_tests!(home);
    suite::units_tests!(home);
}

mod dynoxide_shaken {
    async fn home() -> super::support::Home {
        crate::support::shaken_home(&crate::support::endpoint(crate::support::DYNOXIDE)).await
    }

    suite::store_tests!(home);
}

mod ministack {
    async fn home() -> super::support::Home {
        crate::support::home(&crate::support::endpoint(crate::support::MINISTACK)).await
    }

    suite::store_tests!(home);
}

mod ministack_shaken {
    async fn home() -> super::support::Home {
        crate::support::shaken_home(&crate::support::endpoint(crate::support::MINISTACK)).await
    }

    suite::store_tests!(home);
}
