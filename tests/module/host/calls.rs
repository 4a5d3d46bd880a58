//! The calls that a filter may make, as Envoy answers them.

use wasmi::{Caller, Error, ExternType, Linker, Module, Val};

use super::abi::{HTTP_REQUEST, Status, deserialized, serialized};
use super::guest::{Failure, Guest, answer};
use super::stream::{remove, replace};
use super::vm::State;
use super::world::Sent;

/// Offers all of them to a module.
pub(super) fn link(linker: &mut Linker<State>) -> Result<(), Error> {
    about_itself(linker)?;
    about_streams(linker)?;
    headers(linker)?;
    about_the_proxy(linker)
}

/// Has the module trap that makes another call: the SDK imports some that the filter has no use for.
pub(super) fn refuse_others(linker: &mut Linker<State>, module: &Module) {
    for import in module.imports() {
        let ExternType::Func(kind) = import.ty() else { panic!("`{}` is no function", import.name()) };
        let name = import.name().to_owned();
        let refuse = move |_: Caller<'_, State>, _: &[Val], _: &mut [Val]| {
            Err(Error::new(format!("this host does not answer `{name}`")))
        };
        // What is there already stays.
        let _ = linker.func_new(import.module(), import.name(), kind.clone(), refuse);
    }
}

/// Log, clock, ticks, configuration, contexts.
fn about_itself(linker: &mut Linker<State>) -> Result<(), Error> {
    linker.func_wrap("env", "proxy_log", |caller: Caller<'_, State>, _level: i32, at: i32, size: i32| {
        answer(caller, "log", |guest| {
            let line = guest.text(at, size);
            guest.world().log.push(line);
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_get_log_level", |caller: Caller<'_, State>, at: i32| {
        answer(caller, "get_log_level", |guest| {
            let level = guest.world().log_level;
            // A level that is none would break the SDK's enum, and Envoy cannot have one.
            guest.write(at, &level.to_le_bytes());
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_get_current_time_nanoseconds", |caller: Caller<'_, State>, at: i32| {
        answer(caller, "get_current_time_nanoseconds", |guest| {
            let now = guest.world().now;
            guest.hand_out_long(now, at);
            Ok(())
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_set_tick_period_milliseconds",
        |caller: Caller<'_, State>, period: i32| {
            answer(caller, "set_tick_period_milliseconds", |guest| {
                guest.world().tick_period = period;
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |caller: Caller<'_, State>, kind: i32, start: i32, most: i32, at: i32, size_at: i32| {
            answer(caller, "get_buffer_bytes", |guest| {
                let buffer = guest.world().buffer(kind)?;
                let start = (start as u32 as usize).min(buffer.len());
                let end = start.saturating_add(most as u32 as usize).min(buffer.len());
                let part = buffer[start..end].to_vec();
                guest.hand_out(part, at, size_at)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_set_effective_context", |caller: Caller<'_, State>, context: i32| {
        answer(caller, "set_effective_context", |guest| Ok(guest.world().act_for(context)?))
    })?;
    linker.func_wrap("env", "proxy_done", |caller: Caller<'_, State>| {
        answer(caller, "done", |guest| {
            guest.world().done = true;
            Ok(())
        })
    })?;
    Ok(())
}

/// Attributes, and what becomes of a stream.
fn about_streams(linker: &mut Linker<State>) -> Result<(), Error> {
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |caller: Caller<'_, State>, path: i32, path_size: i32, at: i32, size_at: i32| {
            answer(caller, "get_property", |guest| {
                let path = guest.read(path, path_size);
                let value = guest.world().property(&path)?;
                guest.hand_out(value, at, size_at)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |caller: Caller<'_, State>, path: i32, path_size: i32, value: i32, size: i32| {
            answer(caller, "set_property", |guest| {
                let (path, value) = (guest.read(path, path_size), guest.read(value, size));
                Ok(guest.world().set_property(&path, value)?)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_continue_stream", |caller: Caller<'_, State>, kind: i32| {
        answer(caller, "continue_stream", |guest| {
            assert_eq!(kind, HTTP_REQUEST);
            guest.world().stream_mut()?.went_on = true;
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_close_stream", |caller: Caller<'_, State>, kind: i32| {
        answer(caller, "close_stream", |guest| {
            assert_eq!(kind, HTTP_REQUEST);
            guest.world().stream_mut()?.reset = true;
            Ok(())
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |caller: Caller<'_, State>,
         status: i32,
         _details: i32,
         _details_size: i32,
         body: i32,
         body_size: i32,
         headers: i32,
         headers_size: i32,
         grpc_status: i32| {
            answer(caller, "send_local_response", |guest| {
                guest.read(body, body_size);
                deserialized(&guest.read(headers, headers_size));
                let status = if grpc_status >= 0 { grpc_status } else { status };
                guest.world().stream_mut()?.reply = Some(status as u32);
                Ok(())
            })
        },
    )?;
    Ok(())
}

/// Headers and trailers.
fn headers(linker: &mut Linker<State>) -> Result<(), Error> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |caller: Caller<'_, State>, kind: i32, at: i32, size_at: i32| {
            answer(caller, "get_header_map_pairs", |guest| {
                let map = guest.world().map(kind)?;
                let octets = if map.is_empty() { Vec::new() } else { serialized(map) };
                guest.hand_out(octets, at, size_at)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |caller: Caller<'_, State>, kind: i32, name: i32, name_size: i32, at: i32, size_at: i32| {
            answer(caller, "get_header_map_value", |guest| {
                let name = guest.read(name, name_size);
                let map = guest.world().map(kind)?;
                let value = map.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
                guest.hand_out(value.ok_or(Status::NotFound)?, at, size_at)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |caller: Caller<'_, State>, kind: i32, name: i32, size: i32| {
            answer(caller, "remove_header_map_value", |guest| {
                let name = guest.read(name, size);
                remove(guest.world().map_mut(kind)?, &name);
                Ok(())
            })
        },
    )?;
    type Change = fn(&mut super::abi::Pairs, Vec<u8>, Vec<u8>);
    let changes: [(&'static str, &'static str, Change); 2] = [
        ("proxy_replace_header_map_value", "replace_header_map_value", replace),
        ("proxy_add_header_map_value", "add_header_map_value", |pairs, name, value| {
            pairs.push((name, value))
        }),
    ];
    for (import, name, change) in changes {
        linker.func_wrap(
            "env",
            import,
            move |caller: Caller<'_, State>, kind: i32, at: i32, size: i32, value: i32, value_size: i32| {
                answer(caller, name, |guest| {
                    let (header, value) = (guest.read(at, size), guest.read(value, value_size));
                    change(guest.world().map_mut(kind)?, header, value);
                    Ok(())
                })
            },
        )?;
    }
    linker.func_wrap(
        "env",
        "proxy_set_header_map_pairs",
        |caller: Caller<'_, State>, kind: i32, at: i32, size: i32| {
            answer(caller, "set_header_map_pairs", |guest| {
                let pairs = deserialized(&guest.read(at, size));
                *guest.world().map_mut(kind)? = pairs;
                Ok(())
            })
        },
    )?;
    Ok(())
}

/// Shared data, metrics and calls to servers.
fn about_the_proxy(linker: &mut Linker<State>) -> Result<(), Error> {
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |caller: Caller<'_, State>, key: i32, key_size: i32, at: i32, size_at: i32, cas_at: i32| {
            answer(caller, "get_shared_data", |guest| {
                let key = guest.read(key, key_size);
                let (value, cas) = guest.world().shared.get(&key)?;
                guest.hand_out(value, at, size_at)?;
                guest.hand_out_number(cas as i32, cas_at);
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |caller: Caller<'_, State>, key: i32, key_size: i32, value: i32, size: i32, cas: i32| {
            answer(caller, "set_shared_data", |guest| {
                let (key, value) = (guest.read(key, key_size), guest.read(value, size));
                Ok(guest.world().shared.set(key, value, cas as u32)?)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |caller: Caller<'_, State>, _kind: i32, name: i32, size: i32, at: i32| {
            answer(caller, "define_metric", |guest| {
                let name = guest.text(name, size);
                let id = guest.world().define_metric(name);
                guest.hand_out_number(id, at);
                Ok(())
            })
        },
    )?;
    linker.func_wrap("env", "proxy_record_metric", |caller: Caller<'_, State>, id: i32, value: i64| {
        answer(caller, "record_metric", |guest| {
            *guest.world().metric(id)? = value;
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_increment_metric", |caller: Caller<'_, State>, id: i32, by: i64| {
        answer(caller, "increment_metric", |guest| {
            *guest.world().metric(id)? += by;
            Ok(())
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |caller: Caller<'_, State>,
         cluster: i32,
         cluster_size: i32,
         headers: i32,
         headers_size: i32,
         body: i32,
         body_size: i32,
         _trailers: i32,
         _trailers_size: i32,
         _timeout: i32,
         at: i32| {
            answer(caller, "http_call", |guest: &mut Guest<'_>| -> Result<(), Failure> {
                let call = Sent {
                    cluster: guest.text(cluster, cluster_size),
                    headers: deserialized(&guest.read(headers, headers_size)),
                    body: guest.read(body, body_size),
                };
                let token = guest.world().send(call)?;
                guest.hand_out_number(token, at);
                Ok(())
            })
        },
    )?;
    Ok(())
}
