"""Passwords and keys that a command, a file's form or a name gives away, and what only looks so."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

import pytest

from engine.content.entities import expand
from engine.content.scan import build_scanner
from engine.content.secret_values import wordy

SCANNER = build_scanner((), {})
PASS = "Wint3r" + "Wind"
KEY = "q8Zr2Lw0" + "Xn5Tb7Kd"
RANDOM = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9f"
UUID = "550e8400-e29b-41d4-a716-446655440000"
DIGEST = "3f786850e387550fdab836ed7e6dc881de23001b"


def found(text: str, entities: str = "secret.any") -> set[str]:
    return {text[one.start : one.end] for one in SCANNER.scan(text, expand(entities))}


@pytest.mark.parametrize(
    "line",
    [
        "sshpass -p … ssh root@10.1.1.1",
        "mysql -u root -p… shop",
        "mysqldump --user=root --password=… shop > x.sql",
        r"psexec \\srv7 -u corp\ann -p … cmd",
        "docker login -u ann -p … registry.example.org",
        r"net use z: \\fs1\share … /user:corp\ann",
        r"net use \\fs1\share /user:corp\ann …",
        "net user ann … /add",
        "smbclient //fs1/share -U ann%…",
        "plink -ssh -pw … ann@host",
        'sqlcmd -S db1 -U sa -P … -Q "select 1"',
        "redis-cli -h cache -a … ping",
        "ldapsearch -x -D cn=admin -w … -b dc=x",
        "xfreerdp /v:host /u:ann /p:…",
        'echo "ann:…" | chpasswd',
        "echo … | sudo -S ls",
        "keytool -importkeystore -storepass …",
        "az login -u ann@corp.org --password …",
        'az login -u ann@corp.org --password "…"',
        "machine api.example.org login ann password …",
        "machine api.example.org\n  login ann\n  password …\n",
        "db.example.org:5432:shop:app:…\n",
        "<password>…</password>",
        '<add key="Password" value="…"/>',
        'new NetworkCredential("ann", "…", "corp")',
        'new DirectoryEntry("LDAP://10.1.1.1", "ann", "…")',
        'requests.get(url, auth=("ann", "…"))',
        'smtp.login("ann@example.org", "…")',
        'ConvertTo-SecureString "…" -AsPlainText -Force',
        "db_password: …",
        "spring.datasource.password=…",
        'admin_password = "…" # terraform',
        "jdbc:mysql://db/shop?user=ann&password=…&useSSL=false",
        "jdbc:oracle:thin:scott/…@db:1521:x",
        "ftp://ann:…@ftp.example.org/",
        "mongodb://ann:…@%2Ftmp%2Fmongodb-27017.sock",
    ],
)  # fmt: skip
def test_a_password_is_found_where_it_is_given(line: str) -> None:
    assert found(line.replace("…", PASS)) == {PASS}


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ('<db-password encrypted="no">swordfish</db-password>', {"swordfish"}),
        (f"<apiKey>{KEY}</apiKey>", {KEY}),
        (f'curl -u "ann:{PASS}" https://x', {f"ann:{PASS}"}),
        (f"curl -s \\\n  -u ann:{PASS} https://x", {f"ann:{PASS}"}),
        (f'curl --user "{{ann}}":"{{{PASS}}}" https://x', {f'"{{ann}}":"{{{PASS}}}"'}),
        (f'curl -H "Authorization: {KEY}" https://x', {KEY}),
        ('password = "goodspec"', {"goodspec"}),
        ('password = "two words"', {"two words"}),
        ("password == 'logmein'", {"logmein"}),
        ('"password": "swordfish"', {"swordfish"}),
        ('{\\"password\\": \\"swordfish\\"}', {"swordfish"}),
        ('password = "#gets0me!"', {"#gets0me!"}),
        ("DB_PASSWORD=postgres", {"postgres"}),
        ("export MYSQL_ROOT_PASSWORD=rootpw\n", {"rootpw"}),
        ("The default password for ann is 'blooberry'.", {"blooberry"}),
        ('the password was reset to "blooberry" today', {"blooberry"}),
        ("Kennwort: geheim-straße-7", {"geheim-stra"}),
        ("sshpass -p stra\u00dfe77 ssh x", {"stra\u00dfe77"}),
        ("Server=db;User Id=sa;Password={Wint3r;Wind};", {"Wint3r;Wind"}),
        (f"PrivateKey = {RANDOM}=", {f"{RANDOM}="}),
        (f'{{"kty":"EC","crv":"P-256","d":"{RANDOM}"}}', {RANDOM}),
        (f"my_api_key = {UUID}", {UUID}),
        (f'etsyKey = "{"pm49f52mww8x" + "v2yajdde6e6i"}"', {"pm49f52mww8x" + "v2yajdde6e6i"}),
        (f"token = sha256~{RANDOM}", {f"sha256~{RANDOM}"}),
    ],
)
def test_a_secret_is_known_by_its_form(text: str, secrets: set[str]) -> None:
    assert found(text) == secrets


@pytest.mark.parametrize(
    "text",
    [
        'sshpass -p "$PASS" ssh root@host',
        "mysql -u root -p shop",
        "docker login -u ann --password-stdin",
        "net user ann",
        'echo "$TOKEN" | docker login --password-stdin',
        "tool --password <password>",
        "tool --password-file /run/secrets/x",
        "<password>${db.password}</password>",
        "<password></password>",
        "<password>ab</password>",
        "curl -u ann https://x",
        "curl -u ann:$PASS https://x",
        "curl -u test:test https://x",
        "curl -u xxx:yyy https://x",
        '"password": "Password"',
        '"password": "is required"',
        "'password' => 'required|min:8'",
        "$password = $_POST['password'];",
        "password: str = Field(...)",
        "password = get_password2()",
        "password = users.get",
        "password = options[12345]",
        "f(password, strict_mode=True)",
        "f(api_key, GPL2or3_x9Kd7Lw0)",
        'names = ("gr_passwd", "gr_gid")',
        'passwordLabel: "Your pass code", passwordHint: "8-20 signs"',
        'passwordLabel:"Password:",rememberMe:"x1"',
        'the password is "required"',
        f"commit {DIGEST}",
        f'"key": "{UUID}"',
        f'"key": "{DIGEST}"',
        'api_key = "YOUR_API_KEY"',
        "token = process.env.TOKEN9",
        'apiKey: "xxxxxxxxxxxxxxxx"',
        "API_TOKEN: ${{ secrets.API_TOKEN1 }}",
        f"monkey = {KEY}",
        f"rapidstring = {KEY}",
        f"public_key_id = {KEY}",
        'license = "Apache-2.0"',
        "api-eu.example.com:8443/token",
        "credentials.url = lb1.api.example.com",
        "sort_key: chain_Anvil2_Key",
        f'SetSysctl = "{"pm49f52mww8x" + "v2yajdde6e6i"}"',
        f'"d": "{RANDOM}"',
        "-----BEGIN PRIVATE KEY-----\nthe text of the key\n-----END PRIVATE KEY-----",
        "it begins with -----BEGIN PRIVATE KEY----- and goes on.",
    ],
)
def test_what_stands_in_code_in_place_of_a_secret_is_none(text: str) -> None:
    assert found(text) == set()


def test_an_encrypted_private_key_is_found_with_its_headers_and_in_strings() -> None:
    lines = [RANDOM[:40], RANDOM[3:], RANDOM[:12]]
    head, tail = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
    info = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0102030405060708090A0B0C0D0E0F10\n\n"
    key = f"{head}\n{info}" + "\n".join(lines) + f"\n{tail}"
    assert found(f"see {key} now") == {key}
    inline = "\\n".join([head, *lines, tail])
    assert found(f'{{"key": "{inline}"}}') == {inline}
    cut = f"{head}\n" + "\n".join(lines)
    assert found(f"{cut}\n and prose, of any length.") == {cut}
    assert found(f"{head}\nVersion: 1\n{lines[0]} ", "secret.private_key") == {
        f"{head}\nVersion: 1\n{lines[0]} "
    }


@pytest.mark.parametrize(
    "text",
    [
        "$apr1$" + RANDOM[:8] + "$" + RANDOM[:22],
        "$P$B" + RANDOM[:30],
        "{SSHA}" + RANDOM[:31] + "=",
        "8846f7eaee8fb117ad06bdd830b7586c:" + "aad3b435b51404eeaad3b435b51404ee" + ":::",
    ],
)
def test_a_hash_of_a_password_is_found(text: str) -> None:
    assert found(f"ann:501:{text}", "secret.hash") == {text}


def test_a_key_of_ssh2_is_found() -> None:
    key = f"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n{RANDOM}\n{RANDOM}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----"
    assert found(f"x {key} y") == {key}


def test_the_data_of_a_manifest_is_secret_if_the_manifest_is() -> None:
    data = "  user: YW5uLmxlZQ==\n  pin: MTIzNDU2Nzg=\n"
    manifest = "apiVersion: v1\nkind: {}\ndata:\n{}type: Opaque\n"
    assert found(manifest.format("Secret", data), "secret.password") == {data}
    assert found(manifest.format("ConfigMap", data), "secret.any") == set()


def test_a_broken_header_makes_a_long_token_no_less_secret() -> None:
    broken = "ey" + "JhbGciOieeeiIsInR5cCI6IkpXVCJ9" + ".ey" + "J" + RANDOM + "." + RANDOM
    assert found(broken, "secret.jwt") == {broken}


@pytest.mark.parametrize(
    ("value", "is_name"),
    [
        ("chain_Anvil2_Key", True),
        ("id-Gost28147-89-None-KeyMeshing", True),
        ("_PKCS7PrivateKeyTypes", True),
        ("q8zr2lw0xn5tb7kd", False),
        ("kTqLwXbNzRpVsGhJ", False),
        ("north-1234567-west", False),
        ("a b", False),
        ("Xzcv-Bnmk-Qrst", False),
        ("123-456", False),
    ],
)
def test_names_are_told_from_random_letters(value: str, is_name: bool) -> None:  # noqa: FBT001
    assert wordy(value) is is_name
