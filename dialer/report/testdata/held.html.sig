hustings report signature v1, Ed25519, key 139e3940e64b5491
sByiUzas2lVqA1Bfz31/wYrED1ZRdWF+aVqZx8yf+syTEhetOOj+HdyaewVZ8pc8dP1i13XitJBhqsLXgN9bAg==
