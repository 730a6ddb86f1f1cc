export const usage = `
Usage: polymq nats-server [options]

PolyMQ in memory, for NATS clients alone, with the flags and the configuration of nats-server: to stand in
for it where something starts one, such as the tests of a client library. For all else there is polymq.

Server Options:
    -a, --addr, --net <host>         Bind to host address (default: localhost)
    -p, --port <port>                Use port for clients (default: 4222; -1 takes any free one)
    -n, --name
        --server_name <server_name>  Server name (default: auto)
    -P, --pid <file>                 File to store PID
    -m, --http_port <port>           Use port for http monitoring
    -c, --config <file>              Configuration file
    -t                               Test configuration and exit
    -sl,--signal <signal>=<pid>      Send signal to a process (stop, quit, term, reopen)
                                     <pid> can be either a PID (e.g. 1) or the path to a PID file
        --ports_file_dir <dir>       Creates a ports file in the specified directory (nats-server_<pid>.ports).

Logging Options:
    -l, --log <file>                 File to redirect log output
    -T, --logtime                    Timestamp log entries (default: true)
    -D, --debug                      Enable debugging output
    -V, --trace, -VV, -DV, -DVV      Taken; the protocol is not traced

Authorization Options:
        --user <user>                User required for connections
        --pass <password>            Password required for connections
        --auth <token>               Authorization token required for connections

TLS Options:
        --tls                        Enable TLS, do not verify clients (default: false)
        --tlscert <file>             Server certificate file
        --tlskey <file>              Private key for server certificate
        --tlsverify                  Enable TLS, verify client certificates
        --tlscacert <file>           Client certificate CA for verification

Common Options:
    -h, --help                       Show this message
    -v, --version                    Show version

Not served: JetStream (-js), clusters (--cluster, --routes), https monitoring (-ms).
`
