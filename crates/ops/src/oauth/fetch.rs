//! Asks other servers, and only those in public.

mod network;

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AGE, CACHE_CONTROL, HeaderMap};
use reqwest::{Client, Response, Url, redirect};
use serde_json::Value;
use tokio::net::lookup_host;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::network::Network;

/// For the whole of an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// For the look-up of a name, and for a place to do it. The system's resolver may take much longer, on a thread that
/// nothing can stop.
const LOOKUP: Duration = Duration::from_secs(4);

/// So many names are looked up at once: files and other work need those threads, too.
const LOOKUPS: usize = 16;

/// No document of a client is longer.
const MOST_BYTES: usize = 64 * 1024;

/// Fetches from addresses that clients name: https only, no redirects, no private address but those that
/// an operator allowed (R131).
#[derive(Debug)]
pub(crate) struct Fetch {
    allowed: Arc<Allowed>,
    client: OnceLock<Client>,
    /// For look-ups of names.
    places: Arc<Semaphore>,
}

/// What an operator allowed besides public addresses over https.
#[derive(Debug, Default)]
struct Allowed {
    hosts: Vec<String>,
    networks: Vec<Network>,
}

/// JSON that was fetched, and how long its server says that it holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fresh {
    /// What was fetched.
    pub json: Value,
    /// `None` if it says nothing.
    pub max_age: Option<Duration>,
}

/// Why nothing was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The address is not one that is asked.
    #[error("this address is not fetched from")]
    Refused,
    /// No answer, or not one that was expected.
    #[error("the other server did not answer as expected")]
    Failed,
}

impl Fetch {
    /// With the hosts and networks that an operator allowed.
    pub(crate) fn new(allowed: &[String]) -> Fetch {
        let mut known = Allowed::default();
        for text in allowed {
            match text.parse() {
                Ok(network) => known.networks.push(network),
                Err(_) => known.hosts.push(text.to_ascii_lowercase()),
            }
        }
        let places = Arc::new(Semaphore::new(LOOKUPS));
        Fetch { allowed: Arc::new(known), client: OnceLock::new(), places }
    }

    /// The JSON at an https address: 64 KiB at most, within five seconds.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(crate) async fn get_json(&self, url: &str) -> Result<Value, FetchError> {
        Ok(self.get_fresh(url).await?.json)
    }

    /// The same with how long it holds.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(crate) async fn get_fresh(&self, url: &str) -> Result<Fresh, FetchError> {
        let url = self.checked(url)?;
        let answer = self.client()?.get(url).header("accept", "application/json").send().await;
        let mut answer = answer.map_err(|error| why(&error))?;
        if answer.status().as_u16() != 200 {
            return Err(FetchError::Failed);
        }
        let body = read(&mut answer).await?;
        let json = serde_json::from_slice(&body).map_err(|_| FetchError::Failed)?;
        Ok(Fresh { json, max_age: max_age(answer.headers()) })
    }

    /// Posts a form to an https address, and yields the status of the answer within five seconds. Nobody reads
    /// the rest of it.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(crate) async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<u16, FetchError> {
        let url = self.checked(url)?;
        let answer = self.client()?.post(url).form(form).send().await;
        Ok(answer.map_err(|error| why(&error))?.status().as_u16())
    }

    /// A name is looked up when it is connected to, and each of its addresses is checked then, so that it
    /// cannot become another one in between. An address itself never gets to the resolver.
    fn checked(&self, url: &str) -> Result<Url, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::Refused)?;
        let host = url.host_str().ok_or(FetchError::Refused)?;
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let is_listed = self.allowed.has_host(host) || address.is_some_and(|ip| self.allowed.has_address(ip));
        let may_connect = is_listed || address.is_none_or(is_public);
        let may_speak = url.scheme() == "https" || (url.scheme() == "http" && is_listed);
        let has_user = !url.username().is_empty() || url.password().is_some();
        if may_connect && may_speak && !has_user { Ok(url) } else { Err(FetchError::Refused) }
    }

    fn resolver(&self) -> Resolver {
        Resolver { allowed: Arc::clone(&self.allowed), places: Arc::clone(&self.places) }
    }

    /// Made when it is needed first: it reads the certificates of this machine.
    fn client(&self) -> Result<&Client, FetchError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .timeout(PATIENCE)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(self.resolver()))
            .build()
            .map_err(|error| {
                tracing::error!(%error, "nothing can be fetched");
                FetchError::Failed
            })?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// The resolver says by its own error that a name leads nowhere public.
fn why(error: &reqwest::Error) -> FetchError {
    let mut cause = error.source();
    while let Some(known) = cause {
        if let Some(refused) = known.downcast_ref::<FetchError>() {
            return *refused;
        }
        cause = known.source();
    }
    FetchError::Failed
}

async fn read(answer: &mut Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| FetchError::Failed)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(FetchError::Failed);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// How much longer an answer is fresh (RFC 9111 §5.2.2).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let directives: Vec<String> =
        lines.flat_map(|line| line.split(',')).map(|word| word.trim().to_ascii_lowercase()).collect();
    if directives.iter().any(|word| word == "no-store" || word.starts_with("no-cache")) {
        return Some(Duration::ZERO);
    }
    let seconds = |text: &str| text.trim_matches('"').parse().ok();
    let most: u64 = directives.iter().find_map(|word| seconds(word.strip_prefix("max-age=")?))?;
    let age = headers.get(AGE).and_then(|age| seconds(age.to_str().ok()?)).unwrap_or(0);
    Some(Duration::from_secs(most.saturating_sub(age)))
}

impl Allowed {
    fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    fn has_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// Gives the addresses of a name that may be connected to.
struct Resolver {
    allowed: Arc<Allowed>,
    places: Arc<Semaphore>,
}

/// The addresses of a name, in time. A look-up that takes longer goes on and keeps its place.
async fn look_up(name: String, places: Arc<Semaphore>) -> Result<Vec<SocketAddr>, FetchError> {
    let found = timeout(LOOKUP, async {
        let place = places.acquire_owned().await.map_err(|_| FetchError::Failed)?;
        let look = async move {
            let found = lookup_host((name.as_str(), 0)).await.map(Iterator::collect);
            drop(place);
            found
        };
        // By itself: whoever waits for it may give up.
        tokio::spawn(look).await.map_err(|_| FetchError::Failed)?.map_err(|_| FetchError::Failed)
    });
    found.await.unwrap_or(Err(FetchError::Failed))
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, places) = (Arc::clone(&self.allowed), Arc::clone(&self.places));
        Box::pin(async move {
            let found = look_up(name.as_str().to_owned(), places).await?;
            let is_listed = allowed.has_host(name.as_str());
            let may = |address: &SocketAddr| {
                is_listed || is_public(address.ip()) || allowed.has_address(address.ip())
            };
            let addresses: Vec<SocketAddr> = found.into_iter().filter(may).collect();
            if addresses.is_empty() {
                return Err(FetchError::Refused.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether everybody can reach the address: it is of no private, local or reserved network (RFC 6890 and
/// the registries of special addresses), nor does it lead into one.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let is_reserved = a == 0
                || a >= 224
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 192 && b == 88 && c == 99)
                || (a == 198 && (b == 18 || b == 19));
            !(is_reserved
                || v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_documentation())
        }
        // Of 2000::/3 only, without the ranges that carry IPv4 addresses or belong to nobody.
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            (0x2000..0x4000).contains(&a)
                && !(a == 0x2001 && (b < 0x0200 || b == 0x0db8))
                && a != 0x2002
                && !(a == 0x3fff && b < 0x1000)
        }
    }
}

#[cfg(test)]
impl Fetch {
    /// As if so many names were being looked up.
    pub(super) fn take_all_places(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.places.try_acquire_many(LOOKUPS as u32).unwrap()
    }

    /// Whether the next name has to wait.
    pub(super) fn is_busy(&self) -> bool {
        self.places.available_permits() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_private_is_fetched() {
        let fetch = Fetch::new(&[]);
        let private = [
            "https://127.0.0.1/a",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:a00:1::]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://10.1.2.3/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://224.0.0.1/",
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://user@example.com/",
            "no address",
        ];
        for url in private {
            assert_eq!(fetch.checked(url), Err(FetchError::Refused), "{url}");
        }
        for url in ["https://example.com/a", "https://93.184.216.34/", "https://[2606:2800:220:1::1]/"] {
            assert!(fetch.checked(url).is_ok(), "{url}");
        }
        let fetch = Fetch::new(&["10.0.0.0/8".to_owned(), "::1".to_owned(), "Intern.Example".to_owned()]);
        for url in ["http://10.1.2.3/", "https://[::1]:8443/", "http://intern.example/"] {
            assert!(fetch.checked(url).is_ok(), "{url}");
        }
        assert_eq!(fetch.checked("http://11.1.2.3/"), Err(FetchError::Refused));
    }

    #[test]
    fn what_caches_are_told_is_read() {
        let told = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            max_age(&headers).map(|age| age.as_secs())
        };
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[("cache-control", "public, Max-Age=600")]), Some(600));
        assert_eq!(told(&[("cache-control", "max-age=600"), ("age", "200")]), Some(400));
        assert_eq!(told(&[("cache-control", "max-age=600"), ("cache-control", "no-store")]), Some(0));
        assert_eq!(told(&[("cache-control", "max-age=x")]), None);
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_has_no_address() {
        let found = |allowed: &[String]| {
            let resolver = Fetch::new(allowed).resolver();
            async move { resolver.resolve("localhost".parse().unwrap()).await.map_or(0, Iterator::count) }
        };
        assert_eq!(found(&[]).await, 0);
        assert!(found(&["127.0.0.0/8".to_owned(), "::1".to_owned()]).await > 0);
        assert!(found(&["localhost".to_owned()]).await > 0);
        let refused = Fetch::new(&[]).post_form("https://localhost/", &[]).await;
        assert_eq!(refused, Err(FetchError::Refused), "and it says so");
    }

    /// Names are anybody's: their look-ups wait for each other, and not for ever.
    #[tokio::test(start_paused = true)]
    async fn look_ups_are_bounded() {
        let places = Arc::new(Semaphore::new(1));
        let slow = Arc::clone(&places).acquire_owned().await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(look_up("127.0.0.1".to_owned(), Arc::clone(&places)).await, Err(FetchError::Failed));
        assert_eq!(began.elapsed(), LOOKUP);
        drop(slow);
        assert_eq!(look_up("127.0.0.1".to_owned(), places).await.map(|found| found.len()), Ok(1));
    }
}
