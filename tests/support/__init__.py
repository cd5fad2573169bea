"""What several tests share: small corpora, tiny models, servers on loopback."""
