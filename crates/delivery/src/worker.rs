//! Takes messages out of the outbox and sends them; clients are told of log-outs besides.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use countersign_model::message::{Channel, Contents, Message};
use countersign_model::time::Stopwatch;
use countersign_ops::{Core, Unavailable};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::backoff;
use crate::failure::Failure;
use crate::logouts::{self, Logouts};
use crate::settings::{DeliverySettings, SetupError};
use crate::sms::Sms;
use crate::smtp::Smtp;
use crate::templates::{Rendered, Templates, site};

/// How many messages of one channel are on their way at once.
const AT_ONCE: u32 = 8;

/// How long the store has to note what became of a message, before another worker may take it.
pub(crate) const STORE_TIME: Duration = Duration::from_secs(30);

/// How long messages that are on their way may still take when the server stops.
pub(crate) const LAST_SENDS: Duration = Duration::from_secs(5);

/// The worker, made and checked before the server says that it is ready.
pub struct Worker {
    settings: DeliverySettings,
    /// None where nothing is put into words.
    templates: Option<Templates>,
    transports: Vec<Transport>,
}

/// A configured way out.
enum Transport {
    Smtp(Smtp),
    Sms(Sms),
}

impl Worker {
    /// Reads the settings and the texts, and says what is wrong with them. Connects to nobody.
    ///
    /// # Errors
    /// What is wrong with each channel, and with each text.
    pub fn new(settings: &DeliverySettings, public_url: &str) -> Result<Worker, Vec<SetupError>> {
        let smtp = settings.smtp.as_ref().map(|smtp| Smtp::new(smtp, &site(public_url)).map(Transport::Smtp));
        let sms = settings.sms.as_ref().map(|sms| Sms::new(sms).map(Transport::Sms));
        let (mut transports, mut errors) = (Vec::new(), Vec::new());
        for transport in [smtp, sms].into_iter().flatten() {
            match transport {
                Ok(transport) => transports.push(transport),
                Err(error) => errors.push(error),
            }
        }
        // Texts of the operator's are checked even where no message goes out yet.
        let templates_dir = settings.templates_dir.as_deref();
        let needs_texts = !transports.is_empty() || templates_dir.is_some();
        let templates = needs_texts.then(|| Templates::load(templates_dir)).transpose();
        let templates = templates.unwrap_or_else(|wrong| {
            errors.extend(wrong.into_iter().map(SetupError::from));
            None
        });
        if errors.is_empty() {
            Ok(Worker { settings: settings.clone(), templates, transports })
        } else {
            Err(errors)
        }
    }

    /// The channels that are configured. Messages of the others stay in the outbox.
    pub fn channels(&self) -> Vec<Channel> {
        self.transports.iter().map(Transport::channel).collect()
    }

    /// Delivers until `shutdown` is over and what is on its way has arrived or had its time.
    pub async fn run(self, core: Arc<Core>, shutdown: impl Future<Output = ()>) {
        let Worker { settings, templates, transports } = self;
        let templates = templates.map(Arc::new);
        let (stop, stopped) = watch::channel(false);
        let mut lanes = JoinSet::new();
        let wake = Arc::new(Notify::new());
        let mut wakers = vec![Arc::clone(&wake)];
        let logouts = Logouts::new(Arc::clone(&core), settings.max_attempts, settings.first_retry);
        lanes.spawn(logouts::tell_all(Arc::new(logouts), wake, stopped.clone()));
        for transport in transports {
            // They are there wherever something goes out.
            let Some(templates) = templates.clone() else { continue };
            let wake = Arc::new(Notify::new());
            wakers.push(Arc::clone(&wake));
            let shared = Shared {
                core: Arc::clone(&core),
                transport,
                templates,
                max_attempts: settings.max_attempts,
                first_retry: settings.first_retry,
            };
            lanes.spawn(lane(Arc::new(shared), wake, stopped.clone()));
        }
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = core.wait_for_messages() => {}
                () = sleep(settings.poll) => {}
            }
            // A permit each: a lane that is busy just now finds it when it is done.
            wakers.iter().for_each(|wake| wake.notify_one());
        }
        let _ = stop.send(true);
        while lanes.join_next().await.is_some() {}
    }
}

/// What the deliveries of one channel share.
struct Shared {
    core: Arc<Core>,
    transport: Transport,
    templates: Arc<Templates>,
    max_attempts: u32,
    first_retry: Duration,
}

/// The deliveries of one channel: nothing here waits for another channel, however long its provider takes.
async fn lane(shared: Arc<Shared>, wake: Arc<Notify>, mut stopped: watch::Receiver<bool>) {
    let mut deliveries = JoinSet::new();
    let mut store_failed = false;
    while !*stopped.borrow() {
        shared.transport.tidy();
        let free = AT_ONCE.saturating_sub(u32::try_from(deliveries.len()).unwrap_or(AT_ONCE));
        let mut may_be_more = false;
        if free > 0 {
            match shared.lease(free).await {
                Ok(messages) => {
                    may_be_more = messages.len() >= free as usize;
                    store_failed = false;
                    messages.into_iter().for_each(|message| {
                        deliveries.spawn(deliver(Arc::clone(&shared), message));
                    });
                }
                // Once for each outage: the store's own log says why.
                Err(error) if !store_failed => {
                    tracing::warn!(channel = shared.transport.channel().name(), %error, "the outbox cannot be read");
                    store_failed = true;
                }
                Err(_) => {}
            }
        }
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => {}
            () = wake.notified() => {}
            Some(_) = deliveries.join_next(), if may_be_more || free == 0 => {}
        }
    }
    let finished = async { while deliveries.join_next().await.is_some() {} };
    if timeout(LAST_SENDS, finished).await.is_err() {
        tracing::warn!(
            channel = shared.transport.channel().name(),
            messages = deliveries.len(),
            "messages that were on their way are tried again after the next start"
        );
    }
}

impl Shared {
    async fn lease(&self, limit: u32) -> Result<Vec<Message>, Unavailable> {
        let lease = self.transport.longest() + STORE_TIME;
        self.core.lease_messages(&[self.transport.channel()], limit, lease).await
    }
}

/// Sends one message and notes in the store what became of it.
async fn deliver(shared: Arc<Shared>, mut message: Message) {
    let contents = message.contents.take();
    let attempts = u32::try_from(message.attempts).unwrap_or(u32::MAX).max(1);
    let outcome = match &contents {
        None => Err(Failure::never("the contents cannot be read")),
        // Its earlier tries ended in crashes of the server.
        Some(_) if attempts > shared.max_attempts => Err(Failure::never("tried too often")),
        Some(contents) => shared.send(&message, contents).await,
    };
    let template = message.template.name();
    let (id, channel, template) = (message.id, shared.transport.channel().name(), template.as_ref());
    match outcome {
        Ok(()) => {
            tracing::info!(%id, channel, template, attempts, "message sent");
            note(|| shared.core.complete_message(id)).await;
        }
        Err(failure) => {
            let next = shared.next_try(&failure, attempts);
            let reason = failure.to_string();
            match next {
                Some(next) => {
                    let seconds = next.as_secs();
                    tracing::warn!(%id, channel, template, attempts, reason, seconds, "message not sent; tried again later");
                }
                None => tracing::error!(%id, channel, template, attempts, reason, "message given up"),
            }
            note(|| shared.core.fail_message(id, &reason, next)).await;
        }
    }
}

/// Tells the store, again and again while nobody else may have taken the message.
pub(crate) async fn note<F: Future<Output = Result<(), Unavailable>>>(tell: impl Fn() -> F) {
    let watch = Stopwatch::start();
    while tell().await.is_err() && watch.elapsed() < STORE_TIME {
        sleep(Duration::from_millis(500)).await;
    }
}

impl Shared {
    async fn send(&self, message: &Message, contents: &Contents) -> Result<(), Failure> {
        let now = self.core.clock.now();
        if contents.expires_at.is_some_and(|at| at <= now) {
            return Err(Failure::never("expired"));
        }
        let words = self.templates.render(message, contents, &self.core.settings.public_url, now)?;
        match (&self.transport, words) {
            (Transport::Smtp(smtp), Rendered::Mail { subject, text, html }) => {
                smtp.send(message, &contents.to, &subject, text, html).await
            }
            (Transport::Sms(sms), Rendered::Sms { text }) => sms.send(message, &contents.to, &text).await,
            (Transport::Smtp(_), Rendered::Sms { .. }) | (Transport::Sms(_), Rendered::Mail { .. }) => {
                Err(Failure::never("this text does not go by this channel"))
            }
        }
    }

    /// The pause until the next try; `None` if there is none.
    fn next_try(&self, failure: &Failure, attempts: u32) -> Option<Duration> {
        match failure {
            Failure::Never(_) => None,
            Failure::Later { .. } if attempts >= self.max_attempts => None,
            Failure::Later { wait, .. } => {
                let pause = backoff::pause(self.first_retry, attempts, &self.core.random);
                Some(pause.max(wait.unwrap_or_default().min(backoff::LONGEST)))
            }
        }
    }
}

impl Transport {
    fn channel(&self) -> Channel {
        match self {
            Transport::Smtp(_) => Channel::Email,
            Transport::Sms(_) => Channel::Sms,
        }
    }

    fn longest(&self) -> Duration {
        match self {
            Transport::Smtp(smtp) => smtp.longest(),
            Transport::Sms(sms) => sms.longest(),
        }
    }

    fn tidy(&self) {
        match self {
            Transport::Smtp(smtp) => smtp.tidy(),
            Transport::Sms(_) => {}
        }
    }
}
