"""Connects programs to the proxy of their sandbox, which is the only way out. Executed when a program imports `socket`, so that others pay nothing.

All clients in Python open their connections by `socket.socket.connect`, and resolve names by `socket.getaddrinfo`, which are replaced here. Names
resolve to substitutes, because only the proxy resolves them. A connection is a Unix socket to the proxy that takes the descriptor of the program's
socket once the proxy has agreed."""

import os

CERTIFICATES = "/etc/ssl/cert.pem"
HANDSHAKE_SECONDS = 30
MAX_HEAD = 16_384
SERVICES = {"http": 80, "https": 443, "ws": 80, "wss": 443, "postgresql": 5432, "redis": 6379}
SO_DOMAIN = 39


def install(socket, network):
    """Replaces functions of the module `socket`. `network` has the path of the proxy and the hosts of the policy; None: the program has no network."""
    import errno

    real = socket.socket
    connect, connect_ex = real.connect, real.connect_ex
    setsockopt, getsockopt = real.setsockopt, real.getsockopt
    getaddrinfo = socket.getaddrinfo
    allow = network["allow"] if network else []
    forwards = network["forwards"] if network else []
    substitutes = {each["host"]: each["address"] for each in forwards}
    names = {address: host for host, address in substitutes.items()}

    def name_of(host):
        if isinstance(host, (bytes, bytearray)):
            host = bytes(host).decode("ascii", "replace")
        return host.lower().rstrip(".") if isinstance(host, str) else None

    def is_literal(host):
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                socket.inet_pton(family, host)
                return True
            except (OSError, ValueError):
                pass
        return False

    def is_local(host):
        if host in ("", "localhost", "::1", "::", "0.0.0.0") or (host.startswith("127.") and is_literal(host)):
            return not any(each == host or each.startswith(authority(host, "")) for each in allow)
        return False

    def authority(host, port):
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def no_network(host, port):
        pattern = host if port in (None, 80, 443) else authority(host, port)
        return f"this function has no network: add network: ['{pattern}'] to its config"

    def port_of(port):
        if isinstance(port, (bytes, bytearray)):
            port = bytes(port).decode("ascii", "replace")
        if port is None or isinstance(port, int):
            return port
        return SERVICES[port] if port in SERVICES else int(port)

    def substitute(host):
        if host not in substitutes:
            count = len(substitutes) + 1
            # Addresses that no network uses (RFC 2544).
            substitutes[host] = f"198.{18 + (count >> 16 & 1)}.{count >> 8 & 255}.{count & 255}"
            names[substitutes[host]] = host
        return substitutes[host]

    def resolve(host, port, family=0, type=0, proto=0, flags=0):
        name = name_of(host)
        if name is None or is_local(name) or is_literal(name) or flags & socket.AI_NUMERICHOST:
            return getaddrinfo(host, port, family, type, proto, flags)
        number = port_of(port)
        if network is None:
            raise socket.gaierror(socket.EAI_AGAIN, no_network(name, number))
        if family not in (0, socket.AF_INET) or type not in (0, socket.SOCK_STREAM):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (substitute(name), number or 0))]

    def target_of(sock, address):
        """Returns host and port if the connection leaves the sandbox, otherwise None."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
            return None
        host = name_of(address[0]) if isinstance(address, tuple) and len(address) >= 2 else None
        if host is None or host not in names and is_local(host):
            return None
        host = names.get(host, host)
        if network is None:
            raise OSError(errno.ENETUNREACH, no_network(host, address[1]))
        return host, address[1]

    def question(host, port):
        name = authority(host, port)
        return f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode("ascii", "replace")

    def answered(tunnel, target):
        """Reads the answer of the proxy, and not one byte of what follows it. Returns False if it is incomplete."""
        start = tunnel.recv(MAX_HEAD, socket.MSG_PEEK)
        end = start.find(b"\r\n\r\n")
        if end < 0 and start and len(start) < MAX_HEAD:
            return False
        line = start.split(b"\r\n", 1)[0].decode("latin1")
        if end < 0 or not line.startswith("HTTP/1.1 200 "):
            reason = line.partition(" ")[2].partition(" ")[2] or f"the proxy has closed the connection to {authority(*target)}"
            raise ConnectionRefusedError(errno.ECONNREFUSED, reason)
        tunnel.recv(end + 4)
        return True

    def take_over(sock, tunnel):
        timeout = sock.gettimeout()
        os.dup2(tunnel.fileno(), sock.fileno(), False)
        # Whether a descriptor blocks is a property of the new connection.
        sock.settimeout(timeout)

    def connect_through(self, address):
        target = target_of(self, address)
        if target is None:
            return connect(self, address)
        with real(socket.AF_UNIX, socket.SOCK_STREAM) as tunnel:
            # A socket that does not block is connected at once as well: only an event loop could wait.
            tunnel.settimeout(self.gettimeout() or HANDSHAKE_SECONDS)
            connect(tunnel, network["proxy"])
            tunnel.sendall(question(*target))
            while not answered(tunnel, target):
                pass
            take_over(self, tunnel)

    def connect_ex_through(self, address):
        if target_of(self, address) is None:
            return connect_ex(self, address)
        try:
            connect_through(self, address)
        except OSError as error:
            return error.errno or errno.ECONNREFUSED
        return 0

    async def connect_in_loop(loop, sock, address):
        """Does what `connect_through` does, without blocking the event loop."""
        target = target_of(sock, address)
        if target is None:
            return await connect_in_loop.original(loop, sock, address)
        with real(socket.AF_UNIX, socket.SOCK_STREAM) as tunnel:
            connect(tunnel, network["proxy"])
            tunnel.setblocking(False)
            await loop.sock_sendall(tunnel, question(*target))
            while True:
                readable = loop.create_future()
                loop.add_reader(tunnel.fileno(), lambda: readable.done() or readable.set_result(None))
                try:
                    await readable
                finally:
                    loop.remove_reader(tunnel.fileno())
                if answered(tunnel, target):
                    break
            take_over(sock, tunnel)

    def is_tunnel(sock):
        return getsockopt(sock, socket.SOL_SOCKET, SO_DOMAIN) == socket.AF_UNIX

    def set_option(self, level, *rest):
        # Options of TCP and IP, such as TCP_NODELAY, have no meaning for the connection to the proxy.
        if level != socket.SOL_SOCKET and self.family != socket.AF_UNIX and is_tunnel(self):
            return None
        return setsockopt(self, level, *rest)

    def get_option(self, level, *rest):
        if level != socket.SOL_SOCKET and self.family != socket.AF_UNIX and is_tunnel(self):
            return 0
        return getsockopt(self, level, *rest)

    def patch_loop(module):
        loop = module.BaseSelectorEventLoop
        connect_in_loop.original = loop.sock_connect
        loop.sock_connect = connect_in_loop

    def lookup(host):
        return resolve(host, None, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]

    real.connect, real.connect_ex = connect_through, connect_ex_through
    real.setsockopt, real.getsockopt = set_option, get_option
    socket.getaddrinfo, socket.gethostbyname = resolve, lookup
    if network and os.path.exists(CERTIFICATES):
        os.environ.setdefault("SSL_CERT_FILE", CERTIFICATES)
    if forwards:
        forward(real, connect, network["proxy"], forwards, question)
    return patch_loop


def forward(real, connect, proxy, forwards, question):
    """Listens for clients that do not use the replaced functions, such as libraries in C: the names of the hosts have these addresses for them.
    One thread serves all of them, because a thread for each would count as work that the program has left."""
    import _thread
    import select
    import socket

    listeners = {}
    for each in forwards:
        listener = real(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((each["address"], each["port"]))
        listener.listen(16)
        listener.setblocking(False)
        listeners[listener.fileno()] = (listener, each)
    poll = select.epoll()
    for descriptor in listeners:
        poll.register(descriptor, select.EPOLLIN)
    sides = {}

    class Side:
        """One socket of a connection. `peer` is the other one; `head` is what the proxy has answered so far, None after its end."""

        def __init__(self, made, head):
            self.socket, self.head = made, head
            self.waiting, self.has_ended, self.ends, self.peer = b"", False, False, None
            sides[made.fileno()] = self
            made.setblocking(False)
            poll.register(made.fileno(), 0)

        def is_open(self):
            return self.head is None and self.peer.head is None

        def listen(self):
            # A side is read only while its peer has taken everything, so that no buffer grows.
            is_due = not self.has_ended and not self.peer.waiting and (self.is_open() or self.head is not None)
            reads = select.EPOLLIN if is_due else 0
            poll.modify(self.socket.fileno(), reads | (select.EPOLLOUT if self.waiting else 0))

        def receive(self):
            data = self.socket.recv(65_536)
            if self.head is None:
                self.has_ended = not data
                return self.peer.send(data)
            self.head += data
            start, found, rest = self.head.partition(b"\r\n\r\n")
            if found and start.startswith(b"HTTP/1.1 200 "):
                self.head = None
                self.peer.send(rest) if rest else None
            elif found or not data or len(self.head) > MAX_HEAD:
                raise ConnectionRefusedError

        def send(self, data):
            self.waiting += data
            self.ends = self.ends or not data
            self.flush()

        def flush(self):
            try:
                while self.waiting:
                    self.waiting = self.waiting[self.socket.send(self.waiting) :]
            except BlockingIOError:
                return
            if self.ends:
                self.socket.shutdown(socket.SHUT_WR)
                if self.has_ended:
                    raise EOFError

        def close(self):
            for each in (self, self.peer):
                if sides.pop(each.socket.fileno(), None):
                    each.socket.close()

    def accept(listener, target):
        client = listener.accept()[0]
        tunnel = real(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connect(tunnel, proxy)
            tunnel.sendall(question(target["host"], target["port"]))
        except OSError:
            client.close()
            tunnel.close()
            return
        here, there = Side(client, None), Side(tunnel, b"")
        here.peer, there.peer = there, here
        here.listen()
        there.listen()

    def serve():
        while True:
            for descriptor, events in poll.poll():
                if descriptor in listeners:
                    try:
                        accept(*listeners[descriptor])
                    except OSError:
                        pass  # the client has left, or no descriptor is free
                    continue
                side = sides.get(descriptor)
                if side is None:
                    continue
                try:
                    if events & select.EPOLLERR or (events & select.EPOLLHUP and side.has_ended):
                        raise ConnectionResetError
                    if events & select.EPOLLOUT:
                        side.flush()
                    if events & (select.EPOLLIN | select.EPOLLHUP):
                        side.receive()
                    side.listen()
                    side.peer.listen()
                except BlockingIOError:
                    pass
                except (OSError, EOFError):
                    side.close()

    _thread.start_new_thread(serve, ())
