# Every target does its own set-up on Debian 12/13 or Ubuntu, as root or with sudo.
# `make demo` and `make test` are the two commands to know; `make help` lists the rest.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
NAME   ?=
TIME   ?= 60
KILLS  ?= 50

# Privileged targets run through sudo when an ordinary user starts them. Without root and without
# sudo, `make demo` still runs, with the gate simulated.
AS_ROOT := deploy/as-root.sh
CAN_BE_ROOT := $(filter 0,$(shell id -u))$(shell command -v sudo)

BASE_PACKAGES := python3-venv postgresql nftables libnftables1 dnsmasq-base iproute2 procps util-linux
# libatomic1: the node that Playwright brings along needs it.
LAB_PACKAGES  := $(BASE_PACKAGES) conntrack chromium libatomic1 ca-certificates fonts-dejavu-core
# Node.js from elsewhere (NodeSource) brings its own npm, and conflicts with Debian's.
NODE_PACKAGES := $(if $(shell command -v npm),,nodejs npm)
# What typesets slips (Pango, fonts with Arabic and Ethiopic), and what looks at the result.
SLIP_PACKAGES := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-core
# What RADIUS is compared with, and a compiler for the load generator. FreeRADIUS runs from folders of
# the benchmark's own; the service of its package does not start.
RADIUS_PACKAGES := freeradius freeradius-postgresql gcc libc6-dev
# An access point, a device behind it, a proxy that speaks RADIUS/TLS, what openNDS encrypts with, and a
# log collector, the program whose files our backups are, a pair's.
PEER_PACKAGES := age keepalived conntrackd hostapd wpasupplicant radsecproxy php-cli freeradius-utils eapoltest rsyslog rsyslog-gnutls
# What reads the example configurations, and what makes a clean Debian in a folder.
INSTALLATION_PACKAGES := kea-dhcp4-server kea-dhcp6-server radvd nginx-light openssl debootstrap \
  systemd-container ansible-core
# What builds the container image and runs the composition. Not crun: it refuses mixed cgroups.
PROOF_PACKAGES := podman runc netavark
TEST_PACKAGES := $(LAB_PACKAGES) $(SLIP_PACKAGES) $(RADIUS_PACKAGES) $(PEER_PACKAGES) \
  $(INSTALLATION_PACKAGES) curl faketime \
  iperf3 iptables opennds poppler-utils strace zbar-tools $(NODE_PACKAGES)
BENCH_PACKAGES := $(LAB_PACKAGES) $(if $(filter radius,$(or $(NAME),radius)),$(RADIUS_PACKAGES)) iperf3
# openNDS is what the library day is compared with; its package starts nothing by itself.
DAY_PACKAGES := $(LAB_PACKAGES) iptables opennds

# What the library day may be told, and what it was told.
DAY_WORDS := SEED MINUTES DEVICES FAULTS MINUTE_S PRODUCTS
DAY = $(foreach word,$(DAY_WORDS),$(if $($(word)),--$(shell echo $(word) | tr A-Z_ a-z-) $($(word))))

# Containers set it; every process would then compile anew what is kept nowhere, tests above all.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help compiled demo demo-check test check check-quick style format bench bench-day power-cut proof fuzz lock clean flaws lab-packages test-packages proof-packages bench-packages day-packages deb

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.ready: deploy/requirements.lock pyproject.toml
	@deploy/install-prerequisites.sh python3-venv
	@echo "kvar: preparing the Python environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "kvar: Python 3.11 or newer is needed; name it: make PYTHON=python3.12 …" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes deploy/requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Kvar's own users may not write there: what was changed since would be compiled at each of their starts.
compiled: $(VENV)/.ready
	@$(BIN)/python -m compileall -q portal firewall bench radius_bridge

lab-packages:
	@deploy/install-prerequisites.sh $(LAB_PACKAGES)

test-packages:
	@deploy/install-prerequisites.sh $(TEST_PACKAGES)

bench-packages:
	@deploy/install-prerequisites.sh $(BENCH_PACKAGES)

demo: $(if $(CAN_BE_ROOT),lab-packages) compiled ## run everything on this machine, with a virtual guest network
	@$(AS_ROOT) $(BIN)/python -m portal demo

demo-check: lab-packages compiled ## the same, then a scripted phone: one line a step
	@$(AS_ROOT) $(BIN)/python -m portal demo --check

tests/portal/monitoring/.tools/promtool:
	@deploy/fetch-promtool.sh $@

tests/browser/node_modules: tests/browser/package-lock.json
	@npm ci --silent --no-fund --no-audit --prefix tests/browser
	@touch $@

# What needs no more than pytest's own process (tests/selection.py).
QUICK    := --quick --numprocesses auto --maxprocesses 4 --dist loadfile

# Every branch of these is taken by their tests.
PURE := portal/domain/*,portal/backup/bech32.py,portal/config_contradictions.py,portal/config_renames.py,portal/processing_facts.py,$\
  portal/settings.py,portal/settings_library.py,portal/settings_staff.py,portal/library/circuit_breaker.py,portal/library/sip2/wire.py,$\
  portal/library/rest/dialogue.py,portal/library/rest/koha.py,portal/library/rest/mikromarc.py,$\
  portal/forwarding/syslog_message.py,portal/forwarding/ticket_message.py,portal/access_points/account_names.py,$\
  portal/access_points/settings.py,portal/storage/accounting_book.py,portal/storage/accounting_records.py,portal/storage/spool_records.py,$\
  portal/web/expiring_tag.py,portal/web/guest/budget.py,portal/web/guest/sent_back.py,portal/web/staff/charts.py,$\
  portal/web/staff/log_address.py,portal/web/staff/measures.py,portal/web/staff/paths.py,portal/slips/escpos.py,portal/slips/qr.py,portal/slips/words.py,$\
  portal/library/sip2/verdict.py,firewall/chains.py,firewall/conntrack.py,firewall/device_elements.py,firewall/elements.py,firewall/impostors.py,firewall/lookout.py,$\
  firewall/marks.py,firewall/netlink.py,firewall/port_blocks.py,firewall/probes.py,firewall/ruleset.py,firewall/sets.py,firewall/sightings.py,$\
  firewall/snapshot.py,firewall/verbs.py,firewall/wire.py,$\
  radius_bridge/authenticators.py,radius_bridge/counters.py,radius_bridge/credentials.py,$\
  radius_bridge/dictionary.py,radius_bridge/pipeline.py,$\
  radius_bridge/duplicates.py,radius_bridge/dynamic_requests.py,radius_bridge/extended.py,$\
  radius_bridge/framing.py,radius_bridge/identifiers.py,radius_bridge/mac_address.py,$\
  radius_bridge/mschap.py,radius_bridge/old_ciphers.py,radius_bridge/passwords.py,$\
  radius_bridge/reading.py,radius_bridge/retransmission.py,radius_bridge/secret.py,$\
  radius_bridge/status_brake.py,radius_bridge/values.py,radius_bridge/vendors/*,radius_bridge/wire.py

test: test-packages compiled tests/browser/node_modules tests/portal/monitoring/.tools/promtool ## every test
	@.ci/tests $(AS_ROOT) $(BIN)/python -m pytest

style: $(VENV)/.ready
	@.ci/quietly $(BIN)/ruff format --check .
	@.ci/quietly $(BIN)/ruff check .
	@.ci/quietly $(BIN)/mypy
	@.ci/quietly $(BIN)/lint-imports --no-cache

check: test-packages compiled tests/browser/node_modules tests/portal/monitoring/.tools/promtool style ## format, lint, types, arrows, every test, coverage
	@.ci/quietly $(AS_ROOT) $(BIN)/python -m coverage erase
	@mkdir -p -m 1777 .coverage.d # Kvar's own processes write there, as their own users
	@.ci/quietly .ci/tests $(AS_ROOT) $(BIN)/python -m coverage run -m pytest
	@.ci/quietly $(AS_ROOT) $(BIN)/python -m coverage combine
	@.ci/quietly $(AS_ROOT) $(BIN)/python -m coverage report
	@.ci/quietly $(AS_ROOT) $(BIN)/python -m coverage report --include='$(PURE)' --fail-under=100
	@echo "kvar: format, lint, types, arrows, tests and coverage are in order"

check-quick: style ## format, lint, types, arrows and the quick tests, within a minute
	@.ci/quietly $(BIN)/python -m pytest $(QUICK)
	@echo "kvar: format, lint, types, arrows and the quick tests are in order"

format: $(VENV)/.ready ## format the code and mend what can be mended
	@$(BIN)/ruff check --quiet --fix-only . ; $(BIN)/ruff format --quiet .

bench: bench-packages compiled ## benchmarks; NAME=login, gate, log, presence, radius or vouchers runs one
	@$(AS_ROOT) $(BIN)/python -m bench $(NAME)

day-packages:
	@deploy/install-prerequisites.sh $(DAY_PACKAGES)

bench-day: day-packages compiled ## a library day; SEED=7 repeats one; REAL=1: a tutoring visit in real time
	@$(AS_ROOT) $(BIN)/python -m $(if $(REAL),bench.tutoring_visit --real,bench.day $(DAY))

power-cut: test-packages compiled ## KILLS power cuts during logins (50)
	@$(AS_ROOT) $(BIN)/python -m pytest -s tests/faults/test_power_cut.py --cuts $(KILLS)

proof-packages: test-packages
	@deploy/install-prerequisites.sh $(PROOF_PACKAGES)

proof: proof-packages compiled tests/browser/node_modules ## the long proofs that `make test` leaves out, one by one
	@$(AS_ROOT) $(BIN)/python -m pytest -m proof --durations 20

fuzz: $(VENV)/.ready ## fuzz the parsers for TIME seconds each
	@$(BIN)/python -m tests.fuzz $(TIME)

lock: $(VENV)/.ready ## choose the newest allowed versions and pin them by hash
	@$(BIN)/uv pip compile --quiet --upgrade --all-extras --group dev --universal --generate-hashes \
	  --python-version 3.11 --no-header --no-annotate --no-emit-index-url pyproject.toml -o deploy/requirements.lock
	@$(BIN)/uv pip compile --quiet --extra pdf --extra escpos --constraint deploy/requirements.lock --universal \
	  --generate-hashes --python-version 3.11 --no-header --no-annotate --no-emit-index-url pyproject.toml -o deploy/runtime.lock

deb: $(VENV)/.ready ## build the Debian package for this distribution, in dist/
	@deploy/debian/build.sh dist

INDEX = $(or $(UV_DEFAULT_INDEX),$(PIP_INDEX_URL))
flaws: $(VENV)/.ready ## ask every source for known flaws in what is shipped; also in dist/
	@$(BIN)/python -m deploy.flaws $(if $(INDEX),--index "$(INDEX)") --npm "$$(npm config get registry 2>/dev/null || echo https://registry.npmjs.org)"

clean: ## remove what the targets made in this folder
	rm -rf $(VENV) .demo .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  tests/browser/node_modules tests/portal/monitoring/.tools
