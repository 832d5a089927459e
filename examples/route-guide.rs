//! The four shapes of a call with data of their own: a map of cities, and a journey across it.
//!
//!     cargo run --example route-guide

use examples::route_guide::blocking::RouteGuide;
use examples::route_guide::{Feature, Point, Rectangle, RouteGuideClient, RouteGuideServer, RouteNote, RouteSummary};
use rt_std::{Channel, Code, Receiver, Request, Response, Sender, Server, Status};
use std::collections::HashMap;
use std::error::Error;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// Name, degrees north, degrees east.
const CITIES: [(&str, f64, f64); 12] = [
    ("Lisbon", 38.7223, -9.1393),
    ("Madrid", 40.4168, -3.7038),
    ("Barcelona", 41.3874, 2.1686),
    ("Lyon", 45.7640, 4.8357),
    ("Geneva", 46.2044, 6.1432),
    ("Zurich", 47.3769, 8.5417),
    ("Munich", 48.1351, 11.5820),
    ("Prague", 50.0755, 14.4378),
    ("Dresden", 51.0504, 13.7373),
    ("Berlin", 52.5200, 13.4050),
    ("Hamburg", 53.5511, 9.9937),
    ("Copenhagen", 55.6761, 12.5683),
];

/// The server: a fixed map, and the notes that callers leave.
#[derive(Default)]
struct Guide {
    notes: Mutex<HashMap<(i32, i32), Vec<RouteNote>>>,
}

impl RouteGuide for Guide {
    fn get_feature(&self, request: Request<Point>) -> Result<Response<Feature>, Status> {
        match features().find(|f| f.location.as_ref() == Some(&*request)) {
            Some(feature) => Ok(feature.into()),
            None => Err(Status::not_found(format!("nothing at {}", degrees(&request)))),
        }
    }

    fn list_features(&self, request: Request<Rectangle>, replies: &mut Sender<Feature>) -> Result<(), Status> {
        let (Some(one), Some(other)) = (&request.one, &request.other) else {
            return Err(Status::invalid_argument("a rectangle needs both corners"));
        };
        let between = |x: i32, a: i32, b: i32| (a.min(b)..=a.max(b)).contains(&x);
        for feature in features() {
            let at = feature.location.unwrap_or_default();
            if between(at.latitude, one.latitude, other.latitude)
                && between(at.longitude, one.longitude, other.longitude)
            {
                replies.send(feature)?;
            }
        }
        Ok(())
    }

    fn record_route(&self, requests: &mut Receiver<Point>) -> Result<Response<RouteSummary>, Status> {
        let (mut summary, mut kilometres, mut last) = (RouteSummary::default(), 0.0, None);
        for point in requests {
            let point = point?;
            summary.points += 1;
            summary.features += i32::from(features().any(|f| f.location == Some(point)));
            kilometres += last.map_or(0.0, |last| distance(&last, &point));
            last = Some(point);
        }
        summary.kilometres = kilometres as i32;
        Ok(summary.into())
    }

    fn route_chat(&self, requests: &mut Receiver<RouteNote>, replies: &mut Sender<RouteNote>) -> Result<(), Status> {
        for note in requests {
            let note = note?;
            let at = note.location.unwrap_or_default();
            let earlier = {
                let mut notes = self.notes.lock().unwrap_or_else(|e| e.into_inner());
                let here = notes.entry((at.latitude, at.longitude)).or_default();
                here.push(note);
                here[..here.len() - 1].to_vec()
            };
            // Sent outside the lock: a caller who reads slowly keeps nobody else waiting.
            for note in earlier {
                replies.send(note)?;
            }
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let server =
        Server::builder().add_service(RouteGuideServer::blocking(Guide::default())).bind("127.0.0.1:0")?.spawn();
    let guide = RouteGuideClient::new(Channel::connect(format!("http://{}", server.address()))?);

    println!("GetFeature: what is at a point?");
    let feature = guide.get_feature(point(47.3769, 8.5417))?;
    println!("   {} is at {}", feature.name, degrees(&feature.location.unwrap_or_default()));
    match guide.get_feature(point(0.0, 0.0)) {
        Err(status) if status.code() == Code::NotFound => println!("   {status}"),
        other => return Err(format!("nothing was expected there: {other:?}").into()),
    }

    println!("ListFeatures: everything between 45 and 51 degrees north");
    let rectangle = Rectangle { one: Some(point(45.0, 0.0)), other: Some(point(51.0, 20.0)) };
    for feature in guide.list_features(rectangle) {
        println!("   {}", feature?.name);
    }

    println!("RecordRoute: from Lisbon to Copenhagen");
    let mut route = guide.record_route();
    for feature in features() {
        route.send(feature.location.unwrap_or_default())?;
    }
    let summary = route.finish()?;
    println!("   {} points, {} on the map, {} km", summary.points, summary.features, summary.kilometres);

    println!("RouteChat: notes left at points, sent by one thread and read by another");
    let (mut notes, earlier) = guide.route_chat().split();
    let (berlin, prague) = (point(52.5200, 13.4050), point(50.0755, 14.4378));
    thread::scope(|s| -> Result<(), Status> {
        let sender = s.spawn(move || {
            for (location, message) in
                [(berlin, "good bread"), (prague, "good beer"), (berlin, "no beach"), (berlin, "many lakes")]
            {
                notes.send(RouteNote { location: Some(location), message: message.into() })?;
            }
            notes.finish()
        });
        for note in earlier {
            println!("   said before: {}", note?.message);
        }
        sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(())
    })?;

    server.shutdown(Duration::from_secs(1));
    Ok(())
}

fn features() -> impl Iterator<Item = Feature> {
    CITIES.iter().map(|&(name, north, east)| Feature { name: name.into(), location: Some(point(north, east)) })
}

fn point(north: f64, east: f64) -> Point {
    Point { latitude: (north * 1e7).round() as i32, longitude: (east * 1e7).round() as i32 }
}

fn degrees(point: &Point) -> String {
    format!("{:.4} N {:.4} E", f64::from(point.latitude) / 1e7, f64::from(point.longitude) / 1e7)
}

/// Kilometres along a great circle.
fn distance(a: &Point, b: &Point) -> f64 {
    let radians = |e7: i32| (f64::from(e7) / 1e7).to_radians();
    let (north_a, north_b) = (radians(a.latitude), radians(b.latitude));
    let (half_north, half_east) = ((north_b - north_a) / 2.0, (radians(b.longitude) - radians(a.longitude)) / 2.0);
    let h = half_north.sin().powi(2) + north_a.cos() * north_b.cos() * half_east.sin().powi(2);
    2.0 * 6371.0 * h.sqrt().asin()
}
