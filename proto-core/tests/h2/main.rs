//! HTTP/2 connections as their owner and their peer see them: pairs in memory, scripted peers, seeded noise.

mod common;
mod departures;
mod ending;
mod explore;
mod flow;
mod guards;
mod late;
mod malformed;
mod noise;
mod random;
mod sending;
mod streams;
mod timers;
