//! `countersign tour`: walks through all five surfaces like a user would and shows every request and
//! answer. What is not as documented ends the tour.

mod after;
mod answer;
mod authd;
mod authv1;
mod browser;
mod guide;
mod line;
mod made;
mod oidc;
mod ouser;
mod pinned;
mod rest;
mod shorten;
mod target;

use countersign_model::random::Random;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::args::Tour;
use crate::failure::{Failure, Outcome};
use guide::Guide;
use target::Target;

/// The person who takes the tour.
struct Person {
    email: String,
    password: String,
}

/// Letters and digits without those that look alike.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

impl Person {
    /// Somebody new: the tour may have been taken here before.
    fn new(name: &str, random: &Random) -> Person {
        Person {
            email: format!("{name}-{}@example.com", random.text(ALPHABET, 8)),
            password: random.text(ALPHABET, 16),
        }
    }
}

/// Takes the tour.
///
/// # Errors
/// What was not as documented.
pub async fn run(arguments: Tour) -> Outcome {
    let mut interrupts = signal(SignalKind::interrupt())
        .map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
    let target = unless_interrupted(&mut interrupts, Target::choose(&arguments)).await?;
    let mut guide = Guide::new(&target)?;
    // What was made goes away after an interrupt too.
    let walked = unless_interrupted(&mut interrupts, walk(&mut guide)).await;
    let removed = match target.is_own() {
        true => Ok(()),
        false => std::mem::take(&mut guide.made).remove(&target.core, &arguments.place.again()).await,
    };
    // What went wrong first says more.
    walked.and(removed)?;
    guide.farewell()?;
    target.end().await;
    Ok(())
}

/// Gives the work up at Ctrl-C.
async fn unless_interrupted<T>(
    interrupts: &mut Signal,
    work: impl Future<Output = Outcome<T>>,
) -> Outcome<T> {
    tokio::select! {
        // A server of the tour's own ends at the same Ctrl-C, which is not what went wrong.
        biased;
        _ = interrupts.recv() => Err(Failure::failed("the tour was interrupted")),
        done = work => done,
    }
}

async fn walk(guide: &mut Guide<'_>) -> Outcome {
    let random = Random::System;
    let mut person = Person::new("tour", &random);
    guide.welcome()?;
    let session = ouser::chapter(guide, &person).await?;
    authd::chapter(guide, &person, &random).await?;
    line::chapter(guide, &person, &random).await?;
    authv1::chapter(guide, &person, &random).await?;
    let token = rest::chapter(guide, &person, &random).await?;
    oidc::chapter(guide, &session, &person, &random).await?;
    after::password_change(guide, &mut person, &session, &token, &random).await?;
    after::log_out(guide, &person, &session).await
}
