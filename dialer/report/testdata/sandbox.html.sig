hustings report signature v1, Ed25519, key 139e3940e64b5491
XXu07Z+6MxMWoBtc2sMF3ZG1O/nZuEHlEfnvavPzXjhIN/g2C4iK1kC+Xq4LiaiYGc8ffkLjREiNDqdMPLipDw==
