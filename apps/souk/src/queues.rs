//! `souk queues`: what the admin API does, on the data directory itself.

use clap::Subcommand;
use home_embedded::Home;
use ports::{DeadLetterId, Queues as _, REDRIVEN_MAX};
use shell::DeadLetterView;
use shell::queues::{self, LogQueues};
use wiring::Config;

use crate::output::{CliError, say, say_json};

#[derive(Subcommand)]
pub enum Queues {
    /// Every consumer: position, backlog, retries, dead letters
    List,
    /// The dead letters of a consumer, with their events and errors
    Show { consumer: String },
    /// Deliver a dead letter again, or all of them
    Redrive {
        consumer: String,
        #[command(flatten)]
        which: Which,
    },
    /// Give a dead letter up for good, or all of them
    Drop {
        consumer: String,
        #[command(flatten)]
        which: Which,
    },
    /// Deliver the log to one consumer again; effects that have happened are not repeated
    Replay {
        consumer: String,
        /// The position after which to start
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// Repeat effects that have happened: for what can be rebuilt
        #[arg(long)]
        again: bool,
    },
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Its id, as `show` prints it
    #[arg(long)]
    letter: Option<String>,
    #[arg(long)]
    all: bool,
}

/// Dead letters are handled in pages of so many.
const PAGE: usize = 100;

pub async fn run(config: &Config, command: Queues) -> Result<(), CliError> {
    let home = Home::open_existing(config)?;
    let result = act(&home, command).await;
    home.close().await?;
    result
}

async fn act(home: &Home, command: Queues) -> Result<(), CliError> {
    let queues = home.queues();
    let known = home.consumers()?;
    let checked = |name: &str| match known.contains(&name) {
        true => Ok(()),
        false => Err(CliError::Input(format!("there is no consumer {name}; there are: {}", known.join(", ")))),
    };
    match command {
        Queues::List => {
            say(&format!("{:<20} {:>10} {:>10} {:>8} {:>6}", "consumer", "position", "backlog", "waiting", "dead"))?;
            for consumer in &known {
                let status = queues.status(consumer).await?;
                let position = status.position.unwrap_or_default();
                say(&format!("{:<20} {:>10} {:>10} {:>8} {:>6}", status.consumer, position, status.backlog, status.waiting, status.dead))?;
            }
            Ok(())
        }
        Queues::Show { consumer } => {
            checked(&consumer)?;
            let mut cursor = None;
            loop {
                let page = queues.dead_letters(&consumer, PAGE, cursor).await?;
                for letter in page.items {
                    say_json(&DeadLetterView::of(&consumer, letter))?;
                }
                cursor = page.next;
                if cursor.is_none() {
                    return Ok(());
                }
            }
        }
        Queues::Redrive { consumer, which } => {
            checked(&consumer)?;
            let moved = redrive(&queues, &consumer, which).await?;
            say(&format!("{moved} to be delivered again"))
        }
        Queues::Drop { consumer, which } => {
            checked(&consumer)?;
            let moved = drop_letters(&queues, &consumer, which).await?;
            say(&format!("{moved} dropped"))
        }
        Queues::Replay { consumer, after, again } => {
            checked(&consumer)?;
            queues::replay(&home.shell_work(), &*home.log(), &consumer, after, again).await?;
            say(&format!("{consumer} gets everything after {after} again, while the shop runs"))
        }
    }
}

async fn redrive(queues: &LogQueues, consumer: &str, which: Which) -> Result<usize, CliError> {
    if let Some(letter) = which.letter {
        queues.redrive(consumer, &DeadLetterId(letter)).await?;
        return Ok(1);
    }
    let mut moved = 0;
    loop {
        match queues.redrive_some(consumer, REDRIVEN_MAX).await? {
            0 => return Ok(moved),
            more => moved += more,
        }
    }
}

async fn drop_letters(queues: &LogQueues, consumer: &str, which: Which) -> Result<usize, CliError> {
    if let Some(letter) = which.letter {
        queues.drop_dead_letter(consumer, &DeadLetterId(letter)).await?;
        return Ok(1);
    }
    let mut moved = 0;
    loop {
        let page = queues.dead_letters(consumer, PAGE, None).await?;
        if page.items.is_empty() {
            return Ok(moved);
        }
        for letter in page.items {
            queues.drop_dead_letter(consumer, &letter.id).await?;
            moved += 1;
        }
    }
}
