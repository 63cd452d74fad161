/** Exit status of the supervisor when the cluster is locked: something of an earlier start still runs. */
export const LOCKED = 75;
/** Exit status when initdb failed. */
export const INITDB_FAILED = 76;
/** Exit status when there is something in the cluster's place that is no cluster. */
export const NOT_A_CLUSTER = 77;

/**
 * What runs between the server and PostgreSQL, in a session of its own: it starts PostgreSQL and stops it when its
 * standard input ends, which happens as well when the server is killed with SIGKILL.
 *
 * Arguments: folder of the binaries, cluster, lock file, folder of the Unix socket. Says `locked`, `creating` and
 * `starting` on standard output; PostgreSQL's own words go to standard error. Its status is PostgreSQL's or one of those
 * above.
 *
 * The lock is on an open file that PostgreSQL's processes inherit: it is free only when the last of them has ended,
 * whichever way, and it holds between containers that share the folder.
 */
export const supervisorScript = `
unset SCRIPT
bin=$1 cluster=$2 lock=$3 sockets=$4
trap '' HUP INT PIPE
trap 'rmdir -- "$sockets" 2>/dev/null' EXIT # when it is a folder of its own
exec 3<&0 </dev/null

exec 9>>"$lock" || exit
if command -v flock >/dev/null; then
  flock -n 9 || exit ${LOCKED}
  # The lock is ours, so no process of an earlier start lives: a process that has its number by now is another one.
  # PostgreSQL itself would take it for the earlier one and refuse to start.
  if [ -f "$cluster/postmaster.pid" ]; then
    read -r former <"$cluster/postmaster.pid"
    [ "$(readlink "/proc/$former/cwd")" = "$cluster" ] || rm -f -- "$cluster/postmaster.pid"
  fi
fi
echo locked

if [ ! -f "$cluster/PG_VERSION" ]; then
  [ ! -e "$cluster" ] || exit ${NOT_A_CLUSTER}
  echo creating
  rm -rf -- "$cluster.new"
  # PostgreSQL's built-in C.UTF-8 sorts by code point as C does, and knows upper and lower case of every script.
  "$bin/initdb" -D "$cluster.new" -U adit -A trust -E UTF8 --locale=C \\
    --locale-provider=builtin --builtin-locale=C.UTF-8 -T simple --no-instructions >&2 || exit ${INITDB_FAILED}
  mv -- "$cluster.new" "$cluster" || exit
fi

echo starting
# Statements and details of errors are not logged: they may hold patients' data.
"$bin/postgres" -D "$cluster" -c listen_addresses= -c unix_socket_directories="\\"$sockets\\"" \\
  -c unix_socket_permissions=0700 -c port=5432 -c log_min_error_statement=panic -c log_error_verbosity=terse \\
  -c logging_collector=off -c log_destination=stderr -c timezone=UTC -c log_timezone=UTC -c cluster_name=adit 3<&- >&2 &
postgres=$!
trap 'kill -INT "$postgres"' TERM # fast shutdown

{
  while read -r line; do :; done
  # Repeated, because one that comes before PostgreSQL has set up its signals is lost.
  tries=0
  while [ "$tries" -lt 75 ]; do
    kill -INT "$postgres" || exit
    sleep 0.2
    tries=$((tries + 1))
  done
  kill -QUIT "$postgres" # immediate shutdown; the next start recovers from the log
} <&3 9>&- >/dev/null 2>&1 &
watcher=$!
exec 3<&-

status=0
while kill -0 "$postgres" 2>/dev/null; do
  wait "$postgres"
  status=$?
done
kill "$watcher" 2>/dev/null
exit "$status"
`;
