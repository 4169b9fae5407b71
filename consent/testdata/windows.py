"""Says when windows are open, by Python's zoneinfo: an oracle for package consent.

usage: windows.py TZDIRECTORY FROM_YEAR TO_YEAR ZONE...

For every change of a zone's offset in the years given, and for one week of a zone
that has none, it prints lines

    {"zone": "Europe/Paris", "window": "day", "at": 1234567890, "open": false, "until": 1234569600}

about instants around the change and around the edges of the windows: is the
window open by the zone's clocks, and if not, from when on? It walks minute by
minute and knows no rule but the tz database. The windows are those of
oracle_test.go:

    day     daily 08:00-21:30
    night   daily 01:30-02:30, which some nights lack and others have twice
    week    Monday to Friday, 00:00-24:00
    poll    closed on the local date of the change in UTC, open on all others
"""

import datetime
import json
import sys

try:
    import zoneinfo
except ImportError:
    sys.exit(3)  # older than Python 3.9

UTC = datetime.timezone.utc
MINUTE = 60
DAY = 24 * 60 * MINUTE


def offset(zone, second):
    local = datetime.datetime.fromtimestamp(second, UTC).astimezone(zone)
    return int(local.utcoffset().total_seconds())


def changes(zone, first_year, last_year):
    """The instants at which the zone's offset changes, to the second."""
    second = int(datetime.datetime(first_year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime.datetime(last_year + 1, 1, 1, tzinfo=UTC).timestamp())
    step = 6 * 60 * MINUTE
    found = []
    before = offset(zone, second)
    while second < end:
        after = offset(zone, second + step)
        if after != before:
            low, high = second, second + step
            while high - low > 1:
                middle = (low + high) // 2
                if offset(zone, middle) == before:
                    low = middle
                else:
                    high = middle
            found.append(high)
        second, before = second + step, after
    return found


def windows(poll):
    def day(local):
        return 8 * 60 <= local.hour * 60 + local.minute < 21 * 60 + 30

    def night(local):
        return 90 <= local.hour * 60 + local.minute < 150

    def week(local):
        return local.weekday() < 5

    def polling(local):
        return local.date() != poll

    return {"day": day, "night": night, "week": week, "poll": polling}


def tell(name, zone, around):
    """Prints what the windows do in the days around an instant."""
    start = around - around % MINUTE - 3 * DAY
    minutes = range(start, start + 8 * DAY, MINUTE)
    local = [datetime.datetime.fromtimestamp(m, UTC).astimezone(zone) for m in minutes]
    poll = datetime.datetime.fromtimestamp(around, UTC).date()
    if all(l.date() != poll for l in local):
        poll = None  # a date that the place has left out
    for window, is_open in windows(poll).items():
        if window == "poll" and poll is None:
            continue
        opened = [is_open(l) for l in local]
        if window == "poll":
            # Silence is one span, from the first time that the clocks show the
            # date until they first show a later one.
            first = next(i for i, l in enumerate(local) if l.date() >= poll)
            last = next(i for i, l in enumerate(local) if l.date() > poll)
            opened = [not first <= i < last for i in range(len(local))]
        reopens = [None] * len(local)
        nearest = None
        for i in range(len(local) - 1, -1, -1):
            if opened[i]:
                nearest = minutes[i]
            reopens[i] = nearest
        seconds = set()
        for i in range(1, len(local) - 4 * DAY // MINUTE):
            if opened[i] != opened[i - 1]:
                seconds.update((minutes[i] - 1, minutes[i]))
        for far in (-3 * 3600, -3600, -1800, -1, 0, 1, 1800, 3600, 3 * 3600):
            seconds.add(around + far)
        for second in sorted(seconds):
            i = (second - start) // MINUTE
            line = {"zone": name, "window": window, "at": second, "open": opened[i]}
            if window == "poll":
                line["poll"] = poll.isoformat()
            if not opened[i]:
                line["until"] = reopens[i]
            print(json.dumps(line))


def main():
    directory, first_year, last_year = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    zoneinfo.reset_tzpath([directory])
    for name in sys.argv[4:]:
        zone = zoneinfo.ZoneInfo(name)
        found = changes(zone, first_year, last_year)
        if not found:
            found = [int(datetime.datetime(first_year, 6, 15, 12, tzinfo=UTC).timestamp())]
        for second in found:
            tell(name, zone, second)


main()
