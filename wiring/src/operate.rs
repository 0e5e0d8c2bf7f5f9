//! What people who run a shop do beside its API: import, make accounts, build the search index anew. The same in every home.

use catalog::{Imported, ImportedProduct};
use kernel::{BusinessId, Email, Problem, UserId};
use ports::store::TableSchema;
use shell::UnitOfWork;

use crate::builder::Builder;
use crate::config::{Config, ConfigError};
use crate::platform::{Platform, work};
use crate::services::{credentials, search_config, search_deps, time_zones};

#[derive(Clone, Copy)]
pub struct Operator<'a> {
    config: &'a Config,
    platform: &'a dyn Platform,
}

impl<'a> Operator<'a> {
    pub fn new(config: &'a Config, platform: &'a dyn Platform) -> Self {
        Self { config, platform }
    }

    pub fn config(&self) -> &'a Config {
        self.config
    }

    /// Writes a product into the catalog and its first stock into the inventory, where the file gives one.
    pub async fn import_product(&self, product: &ImportedProduct) -> Result<Imported, Problem> {
        let imported = catalog::import_product(&self.work(catalog::TABLE), BusinessId::HOUSE, product).await?;
        let inventory = self.work(inventory::TABLE);
        for variant in &imported.variants {
            let Some(on_hand) = variant.quantity else { continue };
            let count = inventory::StockCount {
                variant_id: variant.variant_id,
                product_id: imported.product_id,
                seller_id: Some(BusinessId::HOUSE),
                sku: variant.sku.clone(),
                title: variant.title.clone(),
                on_hand,
                backorder: variant.backorder,
                threshold: i64::from(self.config.inventory.low_stock_threshold),
                overwrite: false,
            };
            inventory::set_stock(&inventory, count).await?;
        }
        Ok(imported)
    }

    /// Where pictures of other sites are kept.
    pub fn pictures(&self) -> Result<catalog::Pictures, Problem> {
        Ok(catalog::Pictures::new(self.platform.files().map_err(unfit)?))
    }

    /// Writes the places of a file into the directory; tells after each commit how many are done.
    pub async fn import_businesses(&self, places: Vec<directory::Place>, progress: impl Fn(usize)) -> Result<directory::Report, Problem> {
        let time_zones = time_zones(&mut self.builder(directory::TABLE)).map_err(unfit)?;
        directory::import(&self.work(directory::TABLE), &time_zones, places, progress).await
    }

    /// A verified admin; an account that exists becomes one.
    pub async fn create_admin(&self, email: Email, password: &str) -> Result<UserId, Problem> {
        let credentials = credentials(&mut self.builder(identity::TABLE)).map_err(unfit)?;
        identity::create_admin(&self.work(identity::TABLE), credentials, email, password).await
    }

    /// A verified account without further roles.
    pub async fn create_customer(&self, email: Email, name: &str, password: &str) -> Result<UserId, Problem> {
        let credentials = credentials(&mut self.builder(identity::TABLE)).map_err(unfit)?;
        identity::create_customer(&self.work(identity::TABLE), credentials, email, name, password).await
    }

    /// Whose account with a verified address this is.
    pub async fn verified_account(&self, email: &Email) -> Result<Option<UserId>, Problem> {
        identity::verified_account(&self.work(identity::TABLE), email).await
    }

    /// Whether somebody who knows the password can sign in.
    pub async fn opens(&self, email: &Email, password: &str) -> Result<bool, Problem> {
        let credentials = credentials(&mut self.builder(identity::TABLE)).map_err(unfit)?;
        identity::opens(&self.work(identity::TABLE), credentials, email, password).await
    }

    /// Sets the password of an account; its sessions end.
    pub async fn set_password(&self, email: &Email, password: &str) -> Result<UserId, Problem> {
        let credentials = credentials(&mut self.builder(identity::TABLE)).map_err(unfit)?;
        identity::set_password(&self.work(identity::TABLE), credentials, email, password).await
    }

    /// 100 bits of chance, easy to type.
    pub fn new_password(&self) -> String {
        let chance: [u8; 20] = self.platform.runtime().entropy.bytes();
        chance.iter().map(|byte| char::from(b"abcdefghjkmnpqrstuvwxyz23456789z"[usize::from(byte % 32)])).collect()
    }

    /// Where a rebuild of the search index is asked for.
    pub fn search_work(&self) -> UnitOfWork {
        self.work(search::TABLE)
    }

    /// Builds the search index anew in this process; no other may be serving.
    pub async fn rebuild_search(&self) -> Result<u64, Problem> {
        let deps = search_deps(&mut self.builder(search::TABLE)).map_err(Problem::unavailable)?;
        search::rebuild_now(&self.search_work(), deps, search_config(self.config)).await
    }

    fn work(&self, schema: TableSchema) -> UnitOfWork {
        work(self.platform, schema)
    }

    fn builder(&self, schema: TableSchema) -> Builder<'a> {
        Builder::new(self.config, self.platform, Some(schema))
    }
}

fn unfit(error: ConfigError) -> Problem {
    Problem::unavailable(error)
}
