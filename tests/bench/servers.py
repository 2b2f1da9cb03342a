# SPDX-License-Identifier: MIT
"""The servers that the bench measures: how each is started, on sockets in a folder of ours or on loopback."""
import os
import shutil
import socket
import subprocess
import time

PATIENCE = 30  # seconds until a server answers


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One running server; `addresses` by "unix" and "tcp" in the client's notation."""

    def __init__(self, name, command, log, addresses, prefix=()):
        self.name, self.addresses = name, addresses
        with open(log, "w", encoding="utf-8") as output:
            self.process = subprocess.Popen([*prefix, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + PATIENCE
        while not all(map(answers, addresses.values())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                with open(log, encoding="utf-8", errors="replace") as output:
                    raise RuntimeError(f"{name} does not answer: {output.read()[-500:]}")
            time.sleep(0.01)

    @property
    def pid(self):
        return self.process.pid  # taskset executes the server in its place

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def answers(address):
    family = socket.AF_UNIX if address.startswith("unix:") else socket.AF_INET
    host, _, port = address.rpartition(":")
    with socket.socket(family) as probe:
        return probe.connect_ex(port if family == socket.AF_UNIX else (host, int(port))) == 0


def raw(folder, client):
    both = {"unix": f"unix:{folder}/raw.sock", "tcp": f"127.0.0.1:{free_port()}"}
    return [client, "rawd", *both.values()], both


def baton(folder, client):
    both = {"unix": f"unix:{folder}/baton.sock", "tcp": f"127.0.0.1:{free_port()}"}
    batond = os.path.join(os.environ["BATON_BUILD"], "batond")
    return [batond, "--listen", both["unix"], "--listen", f"tcp:{both['tcp']}"], both


def redis(folder, client):
    port = free_port()
    both = {"unix": f"unix:{folder}/redis.sock", "tcp": f"127.0.0.1:{port}"}
    return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--unixsocket",
            f"{folder}/redis.sock", "--save", "", "--maxclients", "19900", "--appendonly", "no"], both


def memcached(folder, client):
    user = ["-u", "root"] if os.geteuid() == 0 else []
    return ["memcached", *user, "-s", f"{folder}/memcached.sock", "-a", "0700", "-t", "2", "-m", "64"], {
        "unix": f"unix:{folder}/memcached.sock"}


def beanstalkd(folder, client):
    return ["beanstalkd", "-l", f"unix:{folder}/beanstalkd.sock"], {"unix": f"unix:{folder}/beanstalkd.sock"}


def nats(folder, client):
    port = free_port()
    return ["nats-server", "-a", "127.0.0.1", "-p", str(port)], {"tcp": f"127.0.0.1:{port}"}


def etcd(folder, client):
    clients, peers = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    shutil.rmtree(f"{folder}/etcd", ignore_errors=True)
    return ["etcd", "--data-dir", f"{folder}/etcd", "--logger", "zap", "--log-level", "error",
            "--listen-client-urls", clients, "--advertise-client-urls", clients, "--listen-peer-urls", peers,
            "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"], {
                "tcp": clients.removeprefix("http://")}


SERVERS = {"raw": raw, "baton": baton, "redis": redis, "memcached": memcached, "beanstalkd": beanstalkd, "nats": nats,
           "etcd": etcd}


def server_of(driver):
    """The server that a driver of the client speaks to."""
    if driver == "libbaton":
        return "baton"
    return driver.partition("-")[0]


class Park:
    """The servers of one round: started when first asked for, ended together."""

    def __init__(self, folder, client, prefix):
        self.folder, self.client, self.prefix = folder, client, prefix
        self.running, self.missing = {}, {}

    def get(self, name):
        """The running server, or None where it is not installed or does not start: then `missing` tells why."""
        if name in self.missing:
            return None
        if name not in self.running:
            command, addresses = SERVERS[name](self.folder, self.client)
            if shutil.which(command[0]) is None:
                self.missing[name] = "not installed (make deps-bench)"
                return None
            try:
                self.running[name] = Server(name, command, f"{self.folder}/{name}.log", addresses, self.prefix)
            except RuntimeError as error:
                self.missing[name] = str(error)
                return None
        return self.running[name]

    def stop(self, name):
        if name in self.running:
            self.running.pop(name).stop()

    def stop_all(self):
        for name in list(self.running):
            self.stop(name)
