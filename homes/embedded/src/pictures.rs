//! Fetches pictures of other sites into the shop's own files. The addresses come from a file that somebody else made, so
//! they are not followed into this machine and its neighbourhood.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use catalog::{ImportedProduct, Pictures, UPLOAD_BYTES_MAX};
use kernel::Problem;
use tokio::sync::Semaphore;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// One picture, from the look-up of the name to the last byte.
const WITHIN: Duration = Duration::from_secs(30);
const REDIRECTS_MAX: u32 = 5;
/// Pictures on their way at the same time.
const AT_ONCE: usize = 8;

/// Which addresses are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those of the public internet.
    Public,
    /// Also those of this machine and its networks.
    Private,
}

pub struct PictureFetcher {
    agent: Agent,
    pictures: Pictures,
    places: Semaphore,
}

impl PictureFetcher {
    pub fn new(pictures: Pictures, reach: Reach) -> Self {
        // A proxy would look names up itself, past the check of addresses.
        let config = Agent::config_builder().timeout_global(Some(WITHIN)).max_redirects(REDIRECTS_MAX).proxy(None).build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Guarded { reach, names: DefaultResolver::default() });
        Self { agent, pictures, places: Semaphore::new(AT_ONCE) }
    }

    /// The product with the pictures that are kept here now, and a sentence about each of the others, which keep their
    /// addresses. A picture that is here from an earlier import is not fetched again.
    ///
    /// Errors: of the shop's own files.
    pub async fn fetch(&self, product: ImportedProduct) -> Result<(ImportedProduct, Vec<String>), Problem> {
        let (mut kept, mut failed) = (HashMap::new(), Vec::new());
        for address in product.picture_addresses() {
            let here = match self.pictures.find(address).await? {
                Some(here) => Ok(here),
                None => self.bring(address).await?,
            };
            match here {
                Ok(here) => drop(kept.insert(address.to_owned(), here)),
                Err(reason) => failed.push(format!("the picture {address} stays where it is: {reason}")),
            }
        }
        Ok((product.with_pictures(|address| kept.get(address).cloned()), failed))
    }

    async fn bring(&self, address: &str) -> Result<Result<String, String>, Problem> {
        let _place = self.places.acquire().await.map_err(Problem::internal)?;
        let (agent, url) = (self.agent.clone(), address.to_owned());
        let download = tokio::task::spawn_blocking(move || download(&agent, &url)).await.map_err(Problem::internal)?;
        match download {
            Err(error) => Ok(Err(error.to_string())),
            Ok((declared, bytes)) => match self.pictures.keep(address, declared.as_deref(), bytes).await {
                Err(problem) if problem.code.status() < 500 => Ok(Err(problem.detail)),
                kept => kept.map(Ok),
            },
        }
    }
}

/// The content type that is claimed, and the bytes.
fn download(agent: &Agent, url: &str) -> Result<(Option<String>, Vec<u8>), Error> {
    let mut response = agent.get(url).call()?;
    let declared = response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    // One more than is taken, so that what is too large is told from what just fits.
    let bytes = response.body_mut().with_config().limit(UPLOAD_BYTES_MAX as u64 + 1).read_to_vec()?;
    Ok((declared, bytes))
}

/// Looks names up and refuses what they must not lead to. The addresses are those that are connected to, also after a
/// redirect.
#[derive(Debug)]
struct Guarded {
    reach: Reach,
    names: DefaultResolver,
}

impl Resolver for Guarded {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        match (self.reach, found.iter().find(|address| !is_public(address.ip()))) {
            (Reach::Public, Some(address)) => {
                Err(Error::Io(std::io::Error::other(format!("{} is no address of the public internet", address.ip()))))
            }
            (Reach::Public, None) | (Reach::Private, _) => Ok(found),
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The registry of special addresses (RFC 6890), as far as nothing public is in it.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast();
    !special
}

/// What is assigned begins with 2 or 3. Tunnels and translators lead to IPv4, where the target counts.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    match address.segments() {
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        [0x2002, ..] | [0x2001, 0..=0x1FF, ..] | [0x2001, 0xDB8, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;

    use kernel::Currency;
    use memory::MemoryBlobs;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and some pixels";

    /// A site with a picture, other things, and ways from one to the other. Answers until the test ends.
    fn site() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut line, mut reader) = (String::new(), BufReader::new(stream.try_clone().unwrap()));
                reader.read_line(&mut line).unwrap();
                let path = line.split(' ').nth(1).unwrap().to_owned();
                while line.trim() != "" {
                    line.clear();
                    reader.read_line(&mut line).unwrap();
                }
                let (head, body) = match path.as_str() {
                    "/a.png" => ("200 OK\r\nContent-Type: image/png", PNG.to_vec()),
                    "/page" => ("200 OK\r\nContent-Type: text/html", b"<html>".to_vec()),
                    "/huge.png" => ("200 OK\r\nContent-Type: image/png", [PNG, &vec![0; UPLOAD_BYTES_MAX]].concat()),
                    "/moved.png" => ("302 Found\r\nLocation: /a.png", Vec::new()),
                    "/round.png" => ("302 Found\r\nLocation: /round.png", Vec::new()),
                    _ => ("404 Not Found", Vec::new()),
                };
                let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                // One that is too large is not read to its end.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        url
    }

    fn product(addresses: &[String]) -> ImportedProduct {
        let mut file = "Handle,Title,Variant Price,Image Src\n".to_owned();
        for (row, address) in addresses.iter().enumerate() {
            file += &format!("pot,{},{address}\n", if row == 0 { "Pot,1" } else { "," });
        }
        catalog::parse(file.as_bytes(), Currency::EUR).unwrap().next().unwrap().unwrap()
    }

    #[tokio::test]
    async fn pictures_are_brought_once_and_others_stay_where_they_are() {
        let site = site();
        let address = |path: &str| format!("{site}{path}");
        let pictures = Pictures::new(Arc::new(MemoryBlobs::default()));
        let fetcher = PictureFetcher::new(pictures.clone(), Reach::Private);
        let good = ["/a.png", "/moved.png"].map(address);
        let bad = ["/page", "/huge.png", "/round.png", "/gone.png"].map(address);
        let (after, failed) = fetcher.fetch(product(&[&good[..], &bad[..]].concat())).await.unwrap();
        assert_eq!(after.picture_addresses(), bad.iter().collect::<Vec<_>>(), "the good ones are here");
        assert_eq!(failed.len(), 4, "{failed:?}");
        for (said, expect) in failed.iter().zip(["PNG, JPEG, WebP or GIF", "larger", "redirect", "404"]) {
            assert!(said.contains(expect), "{expect}: {said}");
        }
        assert!(pictures.find(&good[0]).await.unwrap().unwrap().starts_with("/files/"));

        // What is here stays here, also when the site is not reached any more.
        let later = PictureFetcher::new(pictures, Reach::Public);
        let (again, failed) = later.fetch(product(&good)).await.unwrap();
        assert_eq!((again.picture_addresses(), failed), (vec![], vec![]));
        let (_, failed) = later.fetch(product(&[address("/other.png")])).await.unwrap();
        assert!(failed[0].contains("127.0.0.1 is no address of the public internet"), "{failed:?}");
    }

    #[test]
    fn private_addresses_are_known() {
        for (address, public) in [
            ("93.184.215.14", true),
            ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("::1", false),
            ("::", false),
            ("::ffff:10.0.0.1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("64:ff9b::a00:1", false),
            ("64:ff9b::5db8:d70e", true),
            ("2002:a00:1::1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }
}
