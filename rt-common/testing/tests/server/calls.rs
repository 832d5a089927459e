//! Calls that go well, over sockets of both kinds, and very many of them.

use rt_common_testing::runtime::ServerBuilder;
use rt_common_testing::toy::M;
use rt_common_testing::{Runtime, Setup, on_both};

on_both! {
    the_shapes_over_tcp,
    the_shapes_over_a_unix_socket_whose_file_goes_with_the_server,
    a_thousand_calls_of_sixteen_connections_are_answered_each_with_its_own,
}

fn the_shapes_over_tcp<R: Runtime>() {
    let setup = Setup::<R>::new(0, |builder| builder);
    setup.client().exercise();
    let report = setup.shutdown();
    assert_eq!((report.calls, report.forced, report.left_behind, report.connections), (5, 0, 0, 1));
}

fn the_shapes_over_a_unix_socket_whose_file_goes_with_the_server<R: Runtime>() {
    let path = std::env::temp_dir().join(format!("rt-common-{}-{}.sock", R::NAME, std::process::id()));
    let setup = Setup::<R>::of(0, |builder| builder.bind_unix(&path).expect("a new file"));
    setup.client().exercise();
    assert!(path.exists());
    let report = setup.shutdown();
    assert_eq!(report.calls, 5);
    assert!(!path.exists(), "the file is left behind");
}

fn a_thousand_calls_of_sixteen_connections_are_answered_each_with_its_own<R: Runtime>() {
    let setup = Setup::<R>::new(0, |builder| builder.takes_calls(2_000));
    std::thread::scope(|scope| {
        for k in 0..16u32 {
            let setup = &setup;
            scope.spawn(move || {
                let mut c = setup.client();
                for round in 0..10 {
                    let expected = |i: u32| [k.to_be_bytes(), (round * 100 + i).to_be_bytes()].concat();
                    for i in 0..100 {
                        // Some handlers end at once, some wait.
                        let method = if i % 3 == 0 { M::Sleep } else { M::Echo };
                        c.request(i, method.info(), None, &expected(i));
                    }
                    c.until("a hundred calls", |c| c.all_ended(0..100));
                    for i in 0..100 {
                        assert_eq!(c.calls[&i].messages[0].0, expected(i));
                    }
                }
            });
        }
    });
    let report = setup.shutdown();
    assert_eq!((report.calls, report.left_behind, report.forced), (16_000, 0, 0));
}
