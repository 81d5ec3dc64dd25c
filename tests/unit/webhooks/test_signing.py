"""Signatures as Standard Webhooks computes them; the vector is the one its reference libraries are tested with."""

from datetime import UTC, datetime

from schoolpassport.webhooks import posting, signing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1614265330, tz=UTC)


def test_the_published_vector_is_met():
    told = signing.headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=AT, body=b'{"test": 2432232314}', signers=[SECRET]
    )
    assert told == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_one_secret_follows_another_both_sign():
    first, second = signing.new_secret(), signing.new_secret()
    assert first != second
    told = signing.headers(message_id="msg_1", at=AT, body=b"{}", signers=[second, first])
    alone = [
        signing.headers(message_id="msg_1", at=AT, body=b"{}", signers=[s])["webhook-signature"]
        for s in (second, first)
    ]
    assert told["webhook-signature"].split(" ") == alone


def test_ten_attempts_take_three_days_and_never_come_sooner_than_asked():
    waits = [posting.pause(attempts=n, after=0) for n in range(1, 12)]
    assert waits[-2:] == [None, None]
    hours = sum(w.total_seconds() for w in waits if w) / 3600
    assert 72 < hours < 80
    assert posting.pause(attempts=1, after=90).total_seconds() == 90
