"""Who builds on us: partners, their applications, each application's integration in a district, and credentials.

Keeps: secrets encrypted under a key bound to tenant, column and row; tokens as hashes only; nonces of signed requests.
Enter by ``actions`` (``integrate``, ``issue_credential``, ``rotate``, ``grant_token``, ``accept_signed``) and
``queries`` (``bearer``, ``client``, ``onboardings``). ``contract`` names the scopes, ``records`` the answers.
Never: grants data (that is a consent, in sharing), logs a secret or a token.
"""
