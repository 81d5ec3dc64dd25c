"""Who builds on us: partners, their applications, each application's integration in a district, and credentials.

Keeps: secrets encrypted under a key bound to tenant and column; tokens as hashes only; nonces of signed requests.
Enter by ``actions`` (``integrate``, ``rotate``, ``grant_token``, ``revoke``) and ``queries`` (``bearer``, ``signed``).
Never: grants data (that is a consent, in sharing), logs a secret or a token.
"""
